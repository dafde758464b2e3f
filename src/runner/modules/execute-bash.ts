/** ExecuteBash: the commands as one script. Source: reference, `awstoe.md` section 6. */
import { mapOf, texts } from '../kit/inputs.ts';
import { ending, InputError, rebootExitCode, type ActionModule } from '../module.ts';
import { failingCommand } from '../kit/failing-command.ts';

export const executeBash: ActionModule = {
  name: 'ExecuteBash',
  platforms: ['Linux', 'macOS'],
  async attempt(context) {
    const commands = texts(mapOf(context.inputs), 'commands');
    if (commands.length === 0) throw new InputError('commands: at least one command is needed');
    const script = `${commands.join('\n')}\n`;
    const ended = await context.command({ script });
    if (ended.exitCode === 0) return { result: 'success', outputs: { stdout: ended.stdout } };
    if (ended.exitCode === rebootExitCode(context.instance.capabilities.platform))
      return { result: 'reboot', resume: 'same-step' };
    return {
      result: 'failed',
      message: ending(ended),
      ...(ended.exitCode === null ? {} : { exitCode: ended.exitCode }),
      command: failingCommand(script, ended.stderr),
      outputs: { stdout: ended.stdout },
    };
  },
};
