/** Images that other servers have put into a store: known here as AMIs, their layers fetched when they are needed. */
import { relative } from 'node:path';
import { allAmis, insertAmi, updateAmi, type Ami } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { heldRecorder } from '../catalog/held.ts';
import { LayerStore } from '../images/layer-store.ts';
import { readConfig } from '../platform/config/config.ts';
import { logger } from '../platform/log.ts';
import { storeIn, storeOf } from './stores.ts';

/** The layers of a data directory; those of an AMI that is only in a store are fetched when it is taken. */
export function layerStore(catalog: Catalog, dataDirectory: string): LayerStore {
  const layers: LayerStore = new LayerStore(catalog, dataDirectory, (ami, owner) => inTurn(() => fetchAmi(ami, owner)));
  return layers;

  async function fetchAmi(ami: Ami, owner: string): Promise<void> {
    const { store, settings } = await storeOf(dataDirectory, ami.region);
    const manifest = await store.image(ami.id);
    if (manifest === undefined) throw new Error(`${ami.id} is not in ${store.place} any more`);
    if (manifest.encryption !== undefined)
      throw new Error(
        `${ami.id} in ${store.place} is encrypted under ${manifest.encryption.keyArn}, a key of the server that ` +
          'made it',
      );
    const how = { held: heldRecorder(catalog.db, owner), report: () => {}, signal: new AbortController().signal };
    const layer = await layers.receive(
      manifest.layers,
      // Who can write to the store decides what is on these disks.
      {
        origin: settings.store !== 'ec2' && settings.trusted ? manifest.origin : 'untrusted',
        foreignId: manifest.foreignId,
      },
      (file, target) => store.fetchLayer(file, target, how),
      owner,
    );
    await updateAmi(catalog.db, ami.id, { layer_id: layer.id, file: relative(dataDirectory, layer.path) });
  }
}

let last: Promise<unknown> = Promise.resolve();
/** One after the other: images share layers. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = last.then(work);
  last = done.catch(() => {});
  return done;
}

/**
 * Compares the records with the stores that `config.yaml` names: images that other servers have put there become AMIs,
 * and those that they removed are deregistered unless their layers are here.
 */
export async function readStores(catalog: Catalog, signal: AbortSignal): Promise<void> {
  const { dataDirectory, db } = catalog;
  const config = await readConfig(dataDirectory);
  for (const region of Object.keys(config.regions)) {
    const { store } = storeIn(config, dataDirectory, region);
    await readStore(region).catch((error: unknown) => {
      if (!signal.aborted) logger().warn({ region, place: store.place, error }, 'a store could not be read');
    });
    async function readStore(name: string): Promise<void> {
      const before = new Map((await allAmis(db)).map((ami) => [ami.id, ami]));
      const found = (await store.images(signal)).filter((each) => each.region === name);
      for (const manifest of found) {
        if (before.has(manifest.amiId)) continue;
        await insertAmi(db, {
          id: manifest.amiId,
          region: name,
          account: manifest.account,
          name: manifest.name,
          description: manifest.description ?? null,
          image_arn: manifest.sourceImage,
          layer_id: null,
          file: '',
          state: 'available',
          tags: JSON.stringify(manifest.tags),
          platform: manifest.platform,
          os_version: manifest.osVersion ?? null,
          architecture: manifest.architecture,
          created: manifest.created,
        });
        logger().info({ ami: manifest.amiId, place: store.place }, 'an image of another server is in a store');
      }
      const there = new Set(found.map(({ amiId }) => amiId));
      for (const ami of before.values())
        if (ami.region === name && ami.state === 'available' && ami.layer_id === null && !there.has(ami.id))
          await updateAmi(db, ami.id, { state: 'deregistered' });
    }
  }
}
