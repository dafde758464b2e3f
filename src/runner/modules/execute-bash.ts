/** ExecuteBash: the commands as one script. Source: reference, `awstoe.md` section 6. */
import { mapOf, texts } from '../kit/inputs.ts';
import { ending, InputError, rebootExitCode, type ActionModule } from '../module.ts';
import { failingCommand, saidOfEnd, watched } from '../kit/failing-command.ts';

export const executeBash: ActionModule = {
  name: 'ExecuteBash',
  platforms: ['Linux', 'macOS'],
  async attempt(context) {
    const commands = texts(mapOf(context.inputs), 'commands');
    if (commands.length === 0) throw new InputError('commands: at least one command is needed');
    const script = `${commands.join('\n')}\n`;
    const watch = watched(script);
    const ended = await context.command({ script: watch.script, hidden: watch.prefix });
    if (ended.exitCode === 0) return { result: 'success', outputs: { stdout: ended.stdout } };
    const end = ended.exitCode === null ? undefined : await saidOfEnd(context, watch);
    if (ended.exitCode === rebootExitCode(context.instance.capabilities.platform))
      return { result: 'reboot', resume: 'same-step' };
    const command = failingCommand(script, ended.stderr, end);
    return {
      result: 'failed',
      message: ending(ended),
      exitCode: ended.exitCode ?? undefined,
      command,
      outputs: { stdout: ended.stdout },
    };
  },
};
