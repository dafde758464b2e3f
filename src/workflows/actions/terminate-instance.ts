/** `TerminateInstance`. */
import { endWorkInstance, workInstance } from '../machines/instances.ts';
import type { StepAction, StepNeeds } from './action.ts';

export const terminateInstance: StepAction = {
  name: 'TerminateInstance',
  async run({ progress, services, inputs }: StepNeeds<never, 'instances' | 'lost', 'catalog' | 'layers'>) {
    const name = String(inputs['instanceId']);
    // One that ended with an interruption is not launched again for this.
    if (progress.lost.delete(name)) return {};
    workInstance(progress, name);
    // It goes by the id of its first machine.
    await endWorkInstance({ progress, services }, name);
    return {};
  },
};
