/**
 * cloud-init's first boot of an instance, as components find it on EC2: `boot-finished`, `cloud-id`, instance data, a
 * `cloud-init status` of `done`. Many wait for that file before anything else, some without an end.
 *
 * cloud-init itself stays off in an instance without user data. Nothing asks for its work, which would take seconds of
 * each launch, and make an account, host keys and a host name that belong in no image.
 */
import { readScript } from '../platform/scripts.ts';
import type { Instance } from '../instances/instance.ts';
import type { InstanceMetadata } from '../instances/services/metadata.ts';

const SECONDS = 120;
const SCRIPT = readScript(import.meta.url, 'first-boot.sh');

/** What an instance was marked with: half of it lies in `/run` and goes with a restart. */
const marked = new WeakMap<Instance, FirstBoot>();

/** What the files tell. */
type FirstBoot = Pick<InstanceMetadata, 'account' | 'region' | 'imageId' | 'instanceType'>;

/** Restarts an instance; what `markFirstBoot` wrote is there again, if it was called for this one. */
export async function rebootMarked(instance: Instance, signal?: AbortSignal): Promise<void> {
  await instance.reboot({ signal });
  const metadata = marked.get(instance);
  if (metadata !== undefined) await markFirstBoot(instance, metadata, signal);
}

/**
 * Writes the files that cloud-init leaves after a boot, if it is installed and off. A disk without it, or on which it
 * ran or its owner disabled it, is left alone. Safe to repeat; the clean-up removes the files.
 */
export async function markFirstBoot(instance: Instance, metadata: FirstBoot, signal?: AbortSignal): Promise<void> {
  if (instance.capabilities.platform !== 'Linux') return;
  marked.set(instance, metadata);
  const { account, region, imageId, instanceType } = metadata;
  const zone = `${region}a`;
  const source = {
    dynamic: { 'instance-identity': { document: { accountId: account, imageId, instanceId: instance.id, region } } },
    meta_data: {
      'ami-id': imageId,
      'instance-id': instance.id,
      'instance-type': instanceType,
      placement: { 'availability-zone': zone, region },
    },
  };
  await instance.run({
    argv: ['/bin/sh', '-c', SCRIPT, 'first-boot', instance.id, region, zone, JSON.stringify(source)],
    own: true,
    timeoutSeconds: SECONDS,
    signal,
  });
}
