/** `TerminateInstance`. */
import { endWorkInstance, workInstance } from '../machines/instances.ts';
import type { StepAction, StepNeeds } from './action.ts';

export const terminateInstance: StepAction = {
  name: 'TerminateInstance',
  async run({ progress, services, inputs }: StepNeeds<never, 'instances', 'catalog' | 'layers'>) {
    const { instance } = workInstance(progress, inputs['instanceId']);
    await endWorkInstance({ progress, services }, instance.id);
    return {};
  },
};
