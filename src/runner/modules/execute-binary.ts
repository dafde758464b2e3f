/** ExecuteBinary: runs a program with arguments, without a shell. Source: reference, `awstoe.md` section 6. */
import { mapOf, text, texts } from '../kit/inputs.ts';
import { ending, rebootExitCode, type ActionModule, type ModuleCommandResult } from '../module.ts';

export const executeBinary: ActionModule = {
  name: 'ExecuteBinary',
  platforms: ['Linux', 'Windows', 'macOS'],
  async attempt(context) {
    const inputs = mapOf(context.inputs);
    const argv = [text(inputs, 'path'), ...texts(inputs, 'arguments')];
    const ended = await context.command({
      argv,
      argumentName: (index) => (index === 0 ? 'path' : `arguments[${index - 1}]`),
    });
    if (ended.exitCode === 0) return { result: 'success', outputs: { stdout: ended.stdout } };
    if (ended.exitCode === rebootExitCode(context.instance.capabilities.platform))
      return { result: 'reboot', resume: 'same-step' };
    return {
      result: 'failed',
      message: `${ending(ended)}${explain(ended, argv[0]!)}`,
      exitCode: ended.exitCode ?? undefined,
      command: argv.join(' '),
      outputs: { stdout: ended.stdout },
    };
  },
};

function explain({ exitCode, stderr }: ModuleCommandResult, path: string): string {
  if (exitCode === 127) return `: there may be no program ${path}`;
  // The message of the shell that starts it.
  if (exitCode === 126 && stderr.endsWith('Argument list too long'))
    return ': the arguments are too long together. Write the values to a file and let the program read it';
  if (exitCode === 126) return `: ${path} may not be executable`;
  return '';
}
