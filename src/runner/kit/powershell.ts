/** Programs for Windows machines, in PowerShell. Values reach them as JSON on stdin, never as part of a program. */
import type { AttemptContext, ModuleCommandResult } from '../module.ts';

/** What a program is run with. */
export interface PowerShellRun {
  /** Body of a function that is called once for each list of fields, which it finds in `$args`. */
  readonly program: string;
  readonly fields: readonly (readonly string[])[];
  /** All contents, one after the other; `Content N` takes the next N bytes. */
  readonly content?: Buffer;
  readonly what: string;
  /** What it prints goes to the log. */
  readonly shown?: true;
}

/** A name in which only `*` is special as a pattern of PowerShell's. */
export const LIKE =
  'function Like($name) { ' +
  "[Management.Automation.WildcardPattern]::new([Management.Automation.WildcardPattern]::Escape($name).Replace('`*', '*'), 'IgnoreCase') }";

/**
 * `Fail` ends the step with a sentence, `Parents` makes the folders above a path, `Content` takes bytes of what came
 * with the call, `Matching` lists what the last part of a path means, in which only `*` is special, and `Like` is that
 * part as a pattern.
 */
const PRELUDE = `
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
[Console]::OutputEncoding = [Text.UTF8Encoding]::new($false)
function Fail($message) { [Console]::Error.WriteLine($message); exit 1 }
function Parents($path) { $above = Split-Path -Parent $path; if ($above -and -not (Test-Path -LiteralPath $above)) { [void](New-Item -ItemType Directory -Force -Path $above) } }
${LIKE}
function Matching($path) {
  $folder = [IO.Path]::GetDirectoryName($path)
  $pattern = Like ([IO.Path]::GetFileName($path))
  if (Test-Path -LiteralPath $folder -PathType Container) { Get-ChildItem -LiteralPath $folder -Force | Where-Object { $pattern.IsMatch($_.Name) } }
}
$reader = [IO.StreamReader]::new([Console]::OpenStandardInput(), [Text.UTF8Encoding]::new($false))
$call = $reader.ReadToEnd() | ConvertFrom-Json
$bytes = [Convert]::FromBase64String($call.content)
$script:taken = 0
function Content($count) { $part = [byte[]]::new($count); [Array]::Copy($bytes, $script:taken, $part, 0, $count); $script:taken += $count; return ,$part }
`;

/** The whole program. */
function powerShellProgram(body: string): string {
  return `${PRELUDE.trim()}
function Item {
${body.trim()}
}
try { foreach ($item in $call.items) { $fields = @($item.fields); Item @fields } } catch { Fail $_.Exception.Message }
`;
}

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
    argv: powerShellArguments(powerShellProgram(run.program)),
    stdin: powerShellInput(run.fields, run.content),
    own: true,
    quiet: run.shown !== true,
    what: run.what,
  });
}
