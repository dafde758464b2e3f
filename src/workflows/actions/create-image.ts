/** `CreateImage`: the instance is shut down, its disk becomes an AMI in the home Region. */
import { insertAmi } from '../../catalog/amis.ts';
import { heldRecorder } from '../../catalog/held.ts';
import { relative } from 'node:path';
import { newAmiId } from '../../platform/ids.ts';
import { layerKey } from '../../runner/layer-key.ts';
import { takeOutNetworkSettings } from '../../runner/network-settings.ts';
import { amiRecord } from '../ami-record.ts';
import { refuseSecretsOnDisk } from '../machines/disk-secrets.ts';
import { workInstance } from '../machines/instances.ts';
import { StepError } from '../image-work.ts';
import type { StepAction } from './action.ts';

/** Layers of a chain, above which the new image's are merged. Reading through each costs a look-up in its table. */
const MAX_CHAIN = 24;

export const createImage: StepAction = {
  name: 'CreateImage',
  async run({ work, inputs, report, signal, timeoutSeconds }) {
    const entry = workInstance(work, inputs['instanceId']);
    if (entry.layer === undefined || entry.stopped)
      throw new StepError(`${entry.instance.id} was made into an image already`);
    await takeOutNetworkSettings(entry.instance, signal);
    await refuseSecretsOnDisk(work, entry, { report, signal, timeoutSeconds });
    report({ type: 'log', text: `${entry.instance.id}: shutting down, so that its disk is complete` });
    await entry.instance.stop();
    entry.stopped = true;

    // What came after the last component (the clean-up) is no work of a document; its layer is keyed by what lies below it and the image.
    const key = layerKey({
      parent: entry.parent.key,
      account: work.account,
      document: `sanitize for ${work.arn}`,
      parameters: {},
      phases: [],
      architecture: 'x86_64',
      driver: entry.driver,
      workingDirectory: '',
      userData: null,
      buildDate: work.image.dateCreated ?? '',
    });
    const sealed = await work.layers.seal(entry.layer, key.key, key.record, { owner: work.arn });
    work.sealed.push(sealed);
    entry.layer = undefined;
    const layer = await work.layers.merge(sealed, MAX_CHAIN, heldRecorder(work.catalog.db, work.arn), signal);
    if (layer.path !== sealed.path)
      report({ type: 'log', text: `the chain of layers had grown longer than ${MAX_CHAIN}: merged into one file` });

    const id = newAmiId();
    await insertAmi(work.catalog.db, {
      ...amiRecord(work, { id, region: work.region }),
      layer_id: layer.id,
      file: relative(work.dataDirectory, layer.path),
      state: 'available',
    });
    work.ami = { id, layer };
    report({ type: 'log', text: `${id} in ${work.region}` });
    return { imageId: id };
  },
};
