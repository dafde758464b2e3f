/** The help of every command: all options, 80 columns, and valid examples. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readArguments } from './command.ts';
import { COMMAND_GROUPS, commands } from './commands.ts';
import { commandHelp, familyHelp, HELP_COLUMNS, overviewHelp } from './help.ts';
import { allOptions } from './option-table.ts';

for (const [name, { summary, load }] of Object.entries(commands)) {
  describe(`ingot help ${name}`, () => {
    test('shows how to use it', async () => {
      const { usage, about } = await load();
      assert.match(usage, new RegExp(`^${name}( |$)`));
      assert.ok(summary.length > 0 && summary.length <= 60);
      assert.ok(about.trim().length > 0);
    });

    test('shows each option with its short name, value and text', async () => {
      const command = await load();
      const help = commandHelp(command);
      for (const [option, { short, value, help: text }] of Object.entries(allOptions(command))) {
        const form = `${short === undefined ? '' : `-${short}, `}--${option}${value === undefined ? '' : ` ${value}`}`;
        assert.ok(help.includes(`${form}\n`) || help.includes(`${form} `), `${form} is missing:\n${help}`);
        assert.match(text, /^\S.*[^.\s]$/);
      }
    });

    test(`fits into ${HELP_COLUMNS} columns`, async () => {
      for (const line of commandHelp(await load()).split('\n')) {
        assert.ok(line.length <= HELP_COLUMNS, line);
        assert.equal(line, line.trimEnd());
      }
    });

    test('has examples that the command accepts', async () => {
      const command = await load();
      const shown = commandHelp(command)
        .split(/^Examples?:\n/m)
        .at(-1)!;
      const lines = shown
        .split('\n')
        .flatMap((line) => [
          ...line.matchAll(new RegExp(`^ {2}\\./ingot ${name}\\b(.*)$`, 'g')),
          ...line.matchAll(new RegExp(`\\(\\./ingot ${name}\\b([^)]*)\\)`, 'g')),
        ]);
      assert.ok(lines.length > 0, `no example uses ./ingot ${name}`);
      // What a shell would do with it, as far as the examples need: quotes, a redirection, the background.
      for (const [, rest] of lines) {
        const words = [...rest!.replace(/\s[<>&|].*$/, '').matchAll(/'([^']*)'|(\S+)/g)].map(
          ([, quoted, plain]) => quoted ?? plain!,
        );
        assert.notEqual(readArguments(command, words), 'help');
      }
    });
  });
}

describe('ingot help', () => {
  test('lists each command once, by task', () => {
    assert.deepEqual(Object.values(COMMAND_GROUPS).flat().sort(), Object.keys(commands).sort());
    const help = overviewHelp();
    for (const [name, { summary }] of Object.entries(commands))
      assert.match(help, new RegExp(`^ {2}${name} +${summary}$`, 'm'));
    for (const line of help.split('\n')) assert.ok(line.length <= HELP_COLUMNS, line);
  });

  test('lists the subcommands of toe', () => {
    const help = familyHelp('toe')!;
    for (const name of ['toe run', 'toe validate', 'toe test'])
      assert.match(help, new RegExp(`^ {2}${name} +${commands[name]!.summary}$`, 'm'));
    assert.equal(familyHelp('build'), undefined);
  });
});
