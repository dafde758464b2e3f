/** Block device mappings of a recipe. Pure. */
import type { InstanceBlockDeviceMapping } from '@aws-sdk/client-imagebuilder';

/** Device names of the root volume. Images made here have none of their own; AWS's use one of these. */
export const ROOT_DEVICES = ['/dev/xvda', '/dev/sda1', '/dev/sda', '/dev/vda'];

/** The size in bytes that a recipe requests for the root volume (`volumeSize` is in GiB), or `undefined`. */
export function rootVolumeBytes(mappings: readonly InstanceBlockDeviceMapping[] | undefined): number | undefined {
  const size = mappings?.find((mapping) => ROOT_DEVICES.includes(mapping.deviceName ?? ''))?.ebs?.volumeSize;
  return size === undefined ? undefined : size * 2 ** 30;
}

/**
 * The fault of a root volume that is smaller than the parent image's disk, with both sizes, or `undefined`. A volume
 * never shrinks: the parent's content could be in the part that is cut off.
 */
export function smallerThanParent(
  sizeBytes: number,
  parentBytes: number,
  parent = 'the parent image',
): string | undefined {
  if (sizeBytes >= parentBytes) return undefined;
  const least = Math.ceil(parentBytes / 2 ** 30);
  return (
    `the root volume of the recipe has ${gib(sizeBytes)} GiB (blockDeviceMappings, ebs.volumeSize), and the disk of ` +
    `the parent image has ${gib(parentBytes)} GiB (${parent}): give ${least} or more, or leave volumeSize out`
  );
}

/** GiB with at most two decimals. */
function gib(bytes: number): number {
  return Math.round((bytes / 2 ** 30) * 100) / 100;
}

/** Whether a recipe requests an encrypted volume. */
export function asksForEncryption(mappings: readonly InstanceBlockDeviceMapping[] | undefined): boolean {
  return mappings?.some((mapping) => mapping.ebs?.encrypted === true || mapping.ebs?.kmsKeyId !== undefined) ?? false;
}

/** Paths of mapping members that are stored and have no effect yet. */
export function mappingsWithoutEffect(mappings: readonly InstanceBlockDeviceMapping[] | undefined): readonly string[] {
  const paths: string[] = [];
  for (const [index, mapping] of (mappings ?? []).entries()) {
    const at = `imageRecipe.blockDeviceMappings[${index}]`;
    if (!ROOT_DEVICES.includes(mapping.deviceName ?? '')) {
      paths.push(at);
      continue;
    }
    for (const member of ['iops', 'throughput', 'volumeType', 'snapshotId', 'deleteOnTermination'] as const) {
      if (mapping.ebs?.[member] !== undefined) paths.push(`${at}.ebs.${member}`);
    }
  }
  return paths;
}
