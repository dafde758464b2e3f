/** `WaitForSSMAgent`: an instance accepts commands before its launch ends, so one successful command is enough. */
import { workInstance } from '../machines/instances.ts';
import { StepError } from '../errors.ts';
import type { StepAction, StepNeeds } from './action.ts';

export const waitForSsmAgent: StepAction = {
  name: 'WaitForSSMAgent',
  async run({ progress, inputs, signal }: StepNeeds<never, 'instances'>) {
    const { instance } = workInstance(progress, inputs['instanceId']);
    const { exitCode } = await instance.run({ argv: ['true'], signal });
    if (exitCode !== 0) throw new StepError(`${instance.id} does not run commands: 'true' ended with ${exitCode}`);
    return { status: 'Success' };
  },
};
