/**
 * Imitates the result of cloud-init's first boot, as components find it on EC2: `boot-finished`, `cloud-id`, instance
 * data, a `cloud-init status` of `done`. Many components wait for that file first, some forever.
 *
 * cloud-init itself is disabled in an instance without user data. Its work is not needed, would add seconds to each
 * launch, and would create an account, host keys and a host name that belong in no image.
 */
import { readScript } from '../platform/scripts.ts';
import type { Instance } from '../instances/instance.ts';
import type { InstanceMetadata } from '../instances/services/metadata.ts';

const SECONDS = 120;
const SCRIPT = readScript(import.meta.url, 'first-boot.sh');

/** What an instance was marked with. A part of the files is in `/run`, which a restart empties. */
const marked = new WeakMap<Instance, FirstBoot>();

/** The content of the files. */
type FirstBoot = Pick<InstanceMetadata, 'account' | 'region' | 'imageId' | 'instanceType'>;

/** Restarts an instance and, if `markFirstBoot` was called for it, writes the files again. */
export async function rebootMarked(instance: Instance, signal?: AbortSignal): Promise<void> {
  await instance.reboot({ signal });
  const metadata = marked.get(instance);
  if (metadata !== undefined) await markFirstBoot(instance, metadata, signal);
}

/**
 * Writes the files that cloud-init leaves after a boot, if it is installed and disabled. A disk without it, or on which
 * it ran or its owner disabled it, is not changed. It can be repeated; the clean-up removes the files.
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
