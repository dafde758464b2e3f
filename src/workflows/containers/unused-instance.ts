/** The build instance of a container image that needs none, because all of its layers exist. */
import { InstanceError, type Instance } from '../../instances/instance.ts';
import { newInstanceId } from '../../platform/ids.ts';

/** An instance that was never launched. Nothing can run in it, and there is nothing to terminate. */
export function unusedInstance(): Instance {
  const id = newInstanceId();
  const never = async (): Promise<never> => {
    throw new InstanceError(`${id} was not launched: nothing had to be built`);
  };
  return {
    id,
    handle: { driver: 'none', id },
    capabilities: { kernel: false, reboots: false, liveSnapshots: false, bootLoader: false, platform: 'Linux' },
    run: never,
    open: never,
    put: never,
    get: never,
    reboot: never,
    snapshot: never,
    stop: async () => {},
    terminate: async () => {},
    consoleTail: async () => [],
  };
}
