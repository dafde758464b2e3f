/** ExecutePowerShell: the commands as one script, or a script's file. Source: reference, `awstoe.md` section 6. */
import { mapOf, optionalText, texts } from '../kit/inputs.ts';
import { ending, InputError, rebootExitCode, type ActionModule, type AttemptContext } from '../module.ts';
import { windowsPath } from '../kit/file-program.ts';

export const executePowerShell: ActionModule = {
  name: 'ExecutePowerShell',
  platforms: ['Windows'],
  async attempt(context) {
    const inputs = mapOf(context.inputs);
    const commands = texts(inputs, 'commands');
    const file = optionalText(inputs, 'file');
    if ((commands.length === 0) === (file === undefined)) throw new InputError('either commands or file is needed');
    const path = file === undefined ? await putScript(context, commands) : windowsPath(file, context.workingDirectory);
    const ended = await context.command({ argv: powerShellFile(path), what: 'the script' });
    if (ended.exitCode === 0) return { result: 'success', outputs: { stdout: ended.stdout } };
    if (ended.exitCode === rebootExitCode('Windows')) return { result: 'reboot', resume: 'same-step' };
    return {
      result: 'failed',
      message: ending(ended),
      exitCode: ended.exitCode ?? undefined,
      outputs: { stdout: ended.stdout },
    };
  },
};

/**
 * Writes the commands to a file with a byte order mark, because Windows PowerShell reads a file without one as ANSI.
 */
async function putScript(context: AttemptContext, commands: readonly string[]): Promise<string> {
  const path = windowsPath('input.ps1', context.workingDirectory);
  await context.instance.put(path, powerShellScript(commands));
  return path;
}

/** The text of the script. */
export function powerShellScript(commands: readonly string[]): string {
  return `\ufeff${commands.join('\r\n')}\r\n`;
}

/** The command that runs a script's file and returns its exit code. */
function powerShellFile(path: string): readonly string[] {
  return ['powershell.exe', '-NoLogo', '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-File', path];
}
