/** `CreateImage`: shuts the instance down and makes its disk an AMI in the home Region. */
import { insertAmi } from '../../catalog/amis.ts';
import { heldRecorder } from '../../catalog/held.ts';
import { relative } from 'node:path';
import { amiKey } from '../machines/encryption.ts';
import { prepareForLayer } from '../../guest/before-layer.ts';
import { newAmiId } from '../../platform/ids.ts';
import { layerKey } from '../machines/layer-key.ts';
import { takeOutNetworkSettings } from '../../guest/network-settings.ts';
import { amiRecord } from '../../distribution/ami-record.ts';
import { refuseSecretsOnDisk, removeHostKeys } from '../machines/disk-secrets.ts';
import { workInstance } from '../machines/instances.ts';
import { StepError } from '../errors.ts';
import { wasChangedByHand } from '../../catalog/instances.ts';
import type { SealedLayer } from '../../images/layer-store.ts';
import { finishedKey } from '../machines/finished-disk.ts';
import type { StepAction, StepNeeds, StepOutputs } from './action.ts';

/** Maximum length of a chain of layers; longer ones are merged. Each layer costs a table look-up on every read. */
const MAX_CHAIN = 24;

type Needs = StepNeeds<
  'arn' | 'account' | 'region' | 'image' | 'allowedSecrets' | 'encryption' | 'workflows' | 'workingDirectory',
  'instances' | 'sealed' | 'ami' | 'osVersion',
  'catalog' | 'layers' | 'dataDirectory'
>;

export const createImage: StepAction = {
  name: 'CreateImage',
  async run({ plan, progress, services, inputs, report, signal, timeoutSeconds }: Needs) {
    const entry = workInstance(progress, inputs['instanceId']);
    if (entry.layer === undefined || entry.stopped)
      throw new StepError(`${entry.instance.id} has already been made into an image`);
    await takeOutNetworkSettings(entry.instance, { seal: true, signal });
    if (entry.sanitized !== true) await removeHostKeys(entry, plan.allowedSecrets, { report, signal, timeoutSeconds });
    await refuseSecretsOnDisk(entry, plan.allowedSecrets, { report, signal, timeoutSeconds });
    const foreign = await prepareForLayer(entry.instance, signal);
    if (foreign !== undefined && !entry.instance.capabilities.kernel)
      throw new StepError(
        `on the disk ${foreign}, which the container that the image was built in does not have: its files belong to ` +
          'others. What to do: give a smaller id, or build in a virtual machine (resource tag ingot:driver = qemu of ' +
          'the infrastructure configuration)',
      );
    if (foreign !== undefined) await services.layers.markForeignId(entry.layer, foreign);
    report({ type: 'log', text: `${entry.instance.id}: shutting down, so that its disk is complete` });
    await entry.instance.stop();
    entry.stopped = true;

    // A hand in the instance, which no key describes, has its own.
    const byHand = await wasChangedByHand(services.catalog.db, entry.instance.id);
    const finished = byHand ? undefined : finishedKey(plan, entry.parentKey);
    // Where a workflow does more than a key describes, the key is made from the layer below and the image.
    const key =
      finished ??
      layerKey({
        parent: entry.parent.key,
        account: plan.account,
        document: `sanitize for ${plan.arn}`,
        parsed: undefined,
        parameters: {},
        phases: [],
        architecture: 'x86_64',
        driver: entry.driver,
        workingDirectory: '',
        userData: null,
        buildDate: plan.image.dateCreated ?? '',
      });
    const sealed = await services.layers.seal(entry.layer, key.key, key.record, { owner: plan.arn });
    progress.sealed.push(sealed);
    entry.layer = undefined;
    const layer = await services.layers.merge(sealed, MAX_CHAIN, heldRecorder(services.catalog.db, plan.arn), signal);
    if (layer.path !== sealed.path)
      report({ type: 'log', text: `the chain of layers was longer than ${MAX_CHAIN}; merged it into one file` });

    return register({ plan, progress, services, report }, layer);
  },
  finished: (context, { layer }) => register(context, layer),
};

/** Makes a disk the AMI of the image in its home Region. */
async function register(
  { plan, progress, services, report }: Pick<Needs, 'plan' | 'progress' | 'services' | 'report'>,
  layer: SealedLayer,
): Promise<StepOutputs> {
  const keyArn =
    (await amiKey({ plan, services }, plan.region, layer.dataKeyId !== undefined)) ??
    (await services.layers.openerOf(layer));
  if (keyArn !== undefined) await services.layers.share(layer, keyArn);
  const id = newAmiId();
  await insertAmi(services.catalog.db, {
    ...amiRecord(plan, { id, region: plan.region, osVersion: progress.osVersion }),
    layer_id: layer.id,
    kms_key_arn: keyArn ?? null,
    file: relative(services.dataDirectory, layer.path),
    state: 'available',
  });
  progress.ami = { id, layer };
  report({ type: 'log', text: `${id} in ${plan.region}` });
  return { imageId: id };
}
