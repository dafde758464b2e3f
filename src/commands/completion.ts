/** `ingot completion`. */
import { WrongUse, type Arguments, type Command, type CommandEntry } from './command.ts';
import { SHELLS, type CompletedCommand } from './completion/shells.ts';
import { optionsOf } from './completion/options.ts';

/** @param commands the register, this command among them */
export const completionOf = (commands: Readonly<Record<string, CommandEntry>>): Command => ({
  usage: 'completion SHELL',
  about: 'Prints a script that completes commands and options in bash, zsh or fish.',
  options: {},
  examples: [
    'ingot completion bash >/etc/bash_completion.d/ingot',
    'ingot completion zsh >/usr/local/share/zsh/site-functions/_ingot',
    'ingot completion fish >~/.config/fish/completions/ingot.fish',
    'source <(ingot completion bash)',
  ],
  positionals: ['SHELL'],
  run: (args) => run(args, commands),
});

async function run(args: Arguments, commands: Readonly<Record<string, CommandEntry>>): Promise<number> {
  const shell = args.positionals[0]!;
  const write = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (write === undefined) throw new WrongUse(`unknown shell '${shell}': expected ${Object.keys(SHELLS).join(', ')}`);
  process.stdout.write(write(await completedCommands(commands)));
  return 0;
}

/** Every command of the register, and `help`, as shells are told of them. */
async function completedCommands(
  commands: Readonly<Record<string, CommandEntry>>,
): Promise<readonly CompletedCommand[]> {
  const all = new Map<string, CompletedCommand>();
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const options = optionsOf(await load());
    const [first, second] = name.split(' ') as [string, string?];
    const before = all.get(first);
    // Commands of two words are one whose first argument is the second word, with the options of all of them.
    if (before === undefined)
      all.set(first, {
        name: first,
        summary,
        options,
        words: second !== undefined ? [second] : name === 'completion' ? Object.keys(SHELLS) : [],
      });
    else
      all.set(first, {
        ...before,
        options: [
          ...before.options,
          ...options.filter((option) => !before.options.some((each) => each.name === option.name)),
        ],
        words: [...before.words, ...(second === undefined ? [] : [second])],
      });
  }
  return [...all.values(), { name: 'help', summary: 'show help for a command', options: [], words: [...all.keys()] }];
}
