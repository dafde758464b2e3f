/**
 * `RegisterImage`: an AMI from a snapshot that exists. Source: reference, `workflows.md` section 4, and EC2's
 * `RegisterImage`.
 */
import { relative } from 'node:path';
import { amiOnRecord, insertAmi } from '../../catalog/amis.ts';
import { amiIdOf } from '../../catalog/snapshots.ts';
import { amiRecord } from '../../distribution/ami-record.ts';
import { shorten } from '../../documents/nodes.ts';
import { usableDisk } from '../../images/disks.ts';
import type { SealedLayer } from '../../images/layer-store.ts';
import { newAmiId } from '../../platform/ids.ts';
import { StepError } from '../errors.ts';
import { layerKey } from '../machines/layer-key.ts';
import type { StepAction, StepNeeds } from './action.ts';

/** Inputs that an AMI here can only have this value of. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  architecture: ['x86_64'],
  virtualizationType: ['hvm'],
};
/** Inputs that describe an AMI that Ingot cannot make. */
const REFUSED = ['imageLocation', 'kernelId', 'ramdiskId'];
/** Inputs that are settings of EC2's hosts. */
const WITHOUT_EFFECT = [
  'bootMode',
  'enaSupport',
  'imdsSupport',
  'includeSnapshotTags',
  'sriovNetSupport',
  'tpmSupport',
  'uefiData',
];

/** What is registered. */
interface Registration {
  readonly snapshotId: string;
  /** Of the volume, if it is to be larger than the snapshot. */
  readonly sizeBytes: number | undefined;
  readonly description: string | undefined;
  /** Inputs that are ignored. */
  readonly ignored: readonly string[];
}

export const registerImage: StepAction = {
  name: 'RegisterImage',
  async run({
    plan,
    progress,
    services,
    inputs,
    report,
  }: StepNeeds<
    'arn' | 'account' | 'region' | 'image',
    'sealed' | 'ami' | 'osVersion',
    'catalog' | 'layers' | 'dataDirectory'
  >) {
    const { snapshotId, sizeBytes, description, ignored } = readRegistration(inputs);
    if (progress.ami !== undefined)
      throw new StepError(`the image already has the AMI ${progress.ami.id}, and an image has one in its home Region`);
    for (const input of ignored) report({ type: 'log', level: 'warn', text: `the input ${input} has no effect` });
    const { account, arn, region } = plan;
    const source = await amiOnRecord(services.catalog.db, amiIdOf(snapshotId));
    // As on EC2, sharing an AMI does not share its snapshot.
    const layer =
      source?.account === account && source.region === region && source.layer_id !== null
        ? await services.layers.takeById(source.layer_id, arn)
        : undefined;
    if (source === undefined || layer === undefined)
      throw new StepError(
        `blockDeviceMapping: there is no snapshot ${shorten(snapshotId)} of account ${account} in ${region}`,
      );
    const grown = await grow({ plan, progress, services }, layer, sizeBytes, snapshotId);
    const id = newAmiId();
    await insertAmi(services.catalog.db, {
      ...amiRecord(plan, { id, region, osVersion: progress.osVersion ?? source.os_version ?? undefined, description }),
      layer_id: grown.id,
      kms_key_arn: (await services.layers.openerOf(grown)) ?? null,
      file: relative(services.dataDirectory, grown.path),
      state: 'available',
    });
    progress.osVersion ??= source.os_version ?? undefined;
    progress.ami = { id, layer: grown };
    report({ type: 'log', text: `${id} in ${region}, from ${snapshotId}` });
    return { imageId: id };
  },
};

/** The layer itself, or one of the size that is asked for. */
async function grow(
  {
    plan,
    progress,
    services: { layers },
  }: Pick<StepNeeds<'arn' | 'account' | 'image', 'sealed', 'layers'>, 'plan' | 'progress' | 'services'>,
  layer: SealedLayer,
  sizeBytes: number | undefined,
  snapshotId: string,
): Promise<SealedLayer> {
  const { virtualSize } = await usableDisk(layer.path);
  if (sizeBytes === undefined || sizeBytes === virtualSize) return layer;
  if (sizeBytes < virtualSize)
    throw new StepError(
      `blockDeviceMapping: Ebs.VolumeSize is ${sizeBytes / 2 ** 30} GiB, and the snapshot ${snapshotId} has ` +
        `${Math.ceil(virtualSize / 2 ** 30)} GiB: give as much or more, or leave it out`,
    );
  const key = layerKey({
    parent: layer.key,
    account: plan.account,
    document: `register for ${plan.arn}`,
    parsed: undefined,
    parameters: {},
    phases: [],
    architecture: 'x86_64',
    driver: '',
    workingDirectory: '',
    userData: null,
    buildDate: plan.image.dateCreated ?? '',
  });
  const sealed = await layers.seal(await layers.open(layer, sizeBytes), key.key, key.record, { owner: plan.arn });
  progress.sealed.push(sealed);
  return sealed;
}

/** A volume in the casing of EC2. */
interface Mapping {
  readonly DeviceName?: unknown;
  readonly Ebs?: { readonly SnapshotId?: unknown; readonly VolumeSize?: unknown };
}

/**
 * What the inputs ask for.
 * @throws {StepError} that names the input and its value
 */
export function readRegistration(inputs: Readonly<Record<string, unknown>>): Registration {
  for (const [input, values] of Object.entries(ONLY))
    if (inputs[input] !== undefined && !values.includes(String(inputs[input])))
      throw new StepError(
        `${input}: '${shorten(String(inputs[input]))}' is not supported; expected ${values.join(' or ')}`,
      );
  for (const input of REFUSED)
    if (inputs[input] !== undefined)
      throw new StepError(`${input}: is not supported: Ingot registers AMIs from snapshots, with their own kernel`);
  const given = inputs['blockDeviceMapping'];
  const mappings = (Array.isArray(given) ? given : given === undefined ? [] : [given]) as readonly Mapping[];
  const root = inputs['rootDeviceName'];
  const mapping = root === undefined ? mappings[0] : mappings.find((each) => each?.DeviceName === root);
  if (mapping == null)
    throw new StepError(
      root === undefined
        ? 'blockDeviceMapping: name the snapshot of the root volume (DeviceName, Ebs.SnapshotId)'
        : `rootDeviceName: blockDeviceMapping has no DeviceName '${shorten(String(root))}'`,
    );
  if (mappings.length > 1)
    throw new StepError(`blockDeviceMapping: has ${mappings.length} volumes; an AMI of Ingot has its root volume only`);
  const { SnapshotId: wanted, VolumeSize: size } = mapping.Ebs ?? {};
  // AWS's own example takes it from what a command printed, newline included.
  const snapshotId = typeof wanted === 'string' ? wanted.trim() : wanted;
  if (typeof snapshotId !== 'string' || !/^snap-[0-9a-f]{8,17}$/.test(snapshotId))
    throw new StepError(
      `blockDeviceMapping: Ebs.SnapshotId '${shorten(String(snapshotId))}' is not the ID of a snapshot, snap-…`,
    );
  const gib = size === undefined ? undefined : Number(size);
  if (gib !== undefined && !(Number.isInteger(gib) && gib >= 1 && gib <= 65_536))
    throw new StepError(
      `blockDeviceMapping: Ebs.VolumeSize '${shorten(String(size))}' is not a whole number of GiB from 1 to 65536`,
    );
  return {
    snapshotId,
    sizeBytes: gib === undefined ? undefined : gib * 2 ** 30,
    description: typeof inputs['description'] === 'string' ? inputs['description'] : undefined,
    ignored: WITHOUT_EFFECT.filter((input) => inputs[input] !== undefined),
  };
}
