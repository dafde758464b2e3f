/** `ingot completion`. */
import { CLIENT_OPTIONS, connectToRunning, dataDirectoryOf, regionOf } from './client.ts';
import { WrongUse, type Arguments, type Command, type CommandEntry } from './command.ts';
import { SHELLS, type CompletedCommand } from './completion/shells.ts';
import { NAME_KINDS, NAMES_OF, namesOf } from './completion/names.ts';
import { optionsOf } from './completion/options.ts';

/** @param commands the register, including this command */
export const completionOf = (commands: Readonly<Record<string, CommandEntry>>): Command => ({
  usage: 'completion SHELL',
  about: `
Prints a script that completes commands, options and names in bash, zsh or fish. Names of images, pipelines, recipes,
components and stacks come from the server of the data directory ($INGOT_DATA) if it is running.`,
  notes: 'The scripts call `ingot completion names TYPE...`, which prints names and never fails.',
  options: CLIENT_OPTIONS,
  examples: [
    'ingot completion bash >/etc/bash_completion.d/ingot',
    'ingot completion zsh >/usr/local/share/zsh/site-functions/_ingot',
    'ingot completion fish >~/.config/fish/completions/ingot.fish',
    'source <(ingot completion bash)',
  ],
  positionals: ['SHELL', 'TYPE...'],
  run: (args) => run(args, commands),
});

async function run(args: Arguments, commands: Readonly<Record<string, CommandEntry>>): Promise<number> {
  const shell = args.positionals[0]!;
  if (shell === 'names') return printNames(args);
  if (args.positionals.length > 1) throw new WrongUse(`unexpected argument '${args.positionals[1]}'`);
  const write = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (write === undefined) throw new WrongUse(`unknown shell '${shell}': expected ${Object.keys(SHELLS).join(', ')}`);
  process.stdout.write(write(await completedCommands(commands)));
  return 0;
}

/** Prints names from the server. Completion never prints an error. */
async function printNames(args: Arguments): Promise<number> {
  const kinds = args.positionals.slice(1).filter((kind) => NAME_KINDS.includes(kind));
  try {
    const connection = await connectToRunning(dataDirectoryOf(args), regionOf(args));
    const names = connection === undefined ? [] : await namesOf(kinds, connection);
    for (const name of names) if (/^[A-Za-z0-9_-]+$/.test(name)) process.stdout.write(`${name}\n`);
  } catch {
    // Without names.
  }
  return 0;
}

/** Every command of the register, and `help`, for completion. */
async function completedCommands(
  commands: Readonly<Record<string, CommandEntry>>,
): Promise<readonly CompletedCommand[]> {
  const all = new Map<string, CompletedCommand>();
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const options = optionsOf(await load());
    const [first, second] = name.split(' ') as [string, string?];
    const before = all.get(first);
    // Commands of two words count as one whose first argument is the second word, with the options of all of them.
    if (before === undefined)
      all.set(first, {
        name: first,
        summary,
        options,
        words: second !== undefined ? [second] : name === 'completion' ? Object.keys(SHELLS) : [],
        names: NAMES_OF[first] ?? [],
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
  const help = { name: 'help', summary: 'show help for a command', options: [], words: [...all.keys()], names: [] };
  return [...all.values(), help];
}
