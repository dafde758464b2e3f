/** Programs for Windows machines, in PowerShell. Values reach them as JSON on stdin, never as part of a program. */
import { readScript } from '../../platform/scripts.ts';
import type { AttemptContext, ModuleCommandResult } from '../module.ts';

/** What a program is run with. */
export interface PowerShellRun {
  /** Defines the function `Item`, which is called once for each list of fields and finds them in `$args`. */
  readonly program: string;
  readonly fields: readonly (readonly string[])[];
  /** All contents, one after the other; `Content N` takes the next N bytes. */
  readonly content?: Buffer;
  readonly what: string;
  /** What it prints goes to the log. */
  readonly shown?: true;
}

/** A name in which only `*` is special as a pattern of PowerShell's. */
export const LIKE = readScript(import.meta.url, 'like.ps1');

/**
 * `Fail` ends the step with a sentence, `Parents` makes the folders above a path, `Content` takes bytes of what came
 * with the call, `Matching` lists what the last part of a path means, in which only `*` is special, and `Like` is that
 * part as a pattern.
 */
const PRELUDE = readScript(import.meta.url, 'powershell.ps1', { LIKE });

const EACH_ITEM = readScript(import.meta.url, 'each-item.ps1');

/** What goes to the program's stdin. */
function powerShellInput(fields: PowerShellRun['fields'], content: Buffer = Buffer.alloc(0)): string {
  return JSON.stringify({ items: fields.map((each) => ({ fields: each })), content: content.toString('base64') });
}

/** The command: the program goes in encoded, so that no layer of quoting reads it. */
function powerShellArguments(program: string): readonly string[] {
  return [
    'powershell.exe',
    '-NoLogo',
    '-NoProfile',
    '-NonInteractive',
    '-ExecutionPolicy',
    'Bypass',
    '-EncodedCommand',
    Buffer.from(program, 'utf16le').toString('base64'),
  ];
}

/** Runs a program once for all items. */
export function runPowerShell(context: AttemptContext, run: PowerShellRun): Promise<ModuleCommandResult> {
  return context.command({
    argv: powerShellArguments(`${PRELUDE}${run.program}${EACH_ITEM}`),
    stdin: powerShellInput(run.fields, run.content),
    own: true,
    quiet: run.shown !== true,
    what: run.what,
  });
}
