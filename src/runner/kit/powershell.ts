/** Runs programs on Windows machines, in PowerShell. Values reach them as JSON on stdin, never as part of a program. */
import { readScript } from '../../platform/scripts.ts';
import type { AttemptContext, ModuleCommandResult } from '../module.ts';

/** The input of a program. */
export interface PowerShellRun {
  /** Defines the function `Item`, which is called once for each list of fields and gets them in `$args`. */
  readonly program: string;
  readonly fields: readonly (readonly string[])[];
  /** All contents concatenated; `Content N` reads the next N bytes. */
  readonly content?: Buffer;
  readonly what: string;
  /** Its output is logged. */
  readonly shown?: true;
}

/** Converts a name in which only `*` is special to a PowerShell pattern. */
export const LIKE = readScript(import.meta.url, 'like.ps1');

/**
 * Helpers: `Fail` ends the step with a message, `Parents` creates the parent folders of a path, `Content` reads bytes
 * of the call's content, `Matching` lists what the last part of a path matches, in which only `*` is special, and
 * `Like` is that part as a pattern.
 */
const PRELUDE = readScript(import.meta.url, 'powershell.ps1', { LIKE });

const EACH_ITEM = readScript(import.meta.url, 'each-item.ps1');

/** The input on stdin. */
function powerShellInput(fields: PowerShellRun['fields'], content: Buffer = Buffer.alloc(0)): string {
  return JSON.stringify({ items: fields.map((each) => ({ fields: each })), content: content.toString('base64') });
}

/** The command. The program is encoded, so that no quoting affects it. */
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
