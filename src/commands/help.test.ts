/** Every command's help: its usage, each of its options, and an example that it would take. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readArguments } from './command.ts';
import { commands } from './commands.ts';
import { optionsOf } from './completion/options.ts';

for (const [name, { summary, load }] of Object.entries(commands)) {
  describe(`ingot ${name} --help`, () => {
    test('says how it is used and what it is for', async () => {
      const { usage, help } = await load();
      assert.match(usage, new RegExp(`^${name}( |$)`));
      assert.ok(summary.length > 0 && summary.length <= 70);
      assert.ok(help.trim().length > 0);
      for (const line of help.split('\n')) assert.ok(line.length <= 160, line);
    });

    test('says what each option is, by its short name too', async () => {
      const command = await load();
      assert.deepEqual(
        optionsOf(command)
          .filter(({ description }) => description === '')
          .map(({ name: option }) => option),
        [],
      );
      for (const [option, { short }] of Object.entries(command.options))
        if (short !== undefined) assert.match(command.help, new RegExp(`--${option}, -${short}\\b`));
    });

    test('has an example that the command takes', async () => {
      const command = await load();
      const example = command.help.split('\nExample:\n')[1];
      assert.ok(example !== undefined, 'there is no Example:');
      const lines = [
        ...example.matchAll(new RegExp(`^ +ingot ${name}\\b(.*)$`, 'gm')),
        ...example.matchAll(new RegExp(`\\(ingot ${name}\\b([^)]*)\\)`, 'g')),
      ];
      assert.ok(lines.length > 0, `the example does not use ingot ${name}`);
      // What a shell would do with it, as far as examples go: quotes, a redirection, the background.
      for (const [, rest] of lines) {
        const words = [...rest!.replace(/\s[<>&|].*$/, '').matchAll(/'([^']*)'|(\S+)/g)].map(
          ([, quoted, plain]) => quoted ?? plain!,
        );
        assert.notEqual(readArguments(command, words), 'help');
      }
    });
  });
}
