/**
 * `BootstrapInstanceForContainer`: prepares for building container images. On AWS it installs Docker on the build
 * instance. Here buildah is a program of the host, so nothing is needed.
 */
import { newUuid } from '../../platform/ids.ts';
import { workInstance } from '../machines/instances.ts';
import type { StepAction, StepNeeds } from './action.ts';

export const bootstrapInstanceForContainer: StepAction = {
  name: 'BootstrapInstanceForContainer',
  skip: ({ plan }) => (plan.container === undefined ? 'this is not a container image' : undefined),
  async run({ progress, inputs, report }: StepNeeds<never, 'instances'>) {
    const { instance, driver } = workInstance(progress, inputs['instanceId']);
    const state = driver === 'none' ? 'nothing has to be built' : 'ready to build';
    report({ type: 'log', text: `${instance.id}: ${state}` });
    return { status: 'Success', output: '', runCommandId: newUuid() };
  },
};
