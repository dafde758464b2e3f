/** `TerminateInstance`. */
import { endWorkInstance, workInstance } from '../machines/instances.ts';
import type { StepAction } from './action.ts';

export const terminateInstance: StepAction = {
  name: 'TerminateInstance',
  async run({ work, inputs }) {
    const { instance } = workInstance(work, inputs['instanceId']);
    await endWorkInstance(work, instance.id);
    return {};
  },
};
