/**
 * A store that keeps images as chains of layers: each layer once, whatever the number of images that have it. Several
 * servers may use one store, so nothing about it is kept in memory.
 */
import type { ImageManifest, LayerFile, Store, Transfer } from '../store.ts';
import type { LayerPlace } from './layer-place.ts';

/** A manifest as it is stored: `writing` before its layers are there, so that nobody removes these meanwhile. */
interface StoredManifest extends ImageManifest {
  readonly state: 'writing' | 'complete';
}

const OF_AMI = /^(ami-[0-9a-f]{8,17})\.json$/;
const LAYER_NAME = /^lay-[0-9a-f]{17}(?:-flat)?\.qcow2$/;
/** An image that was begun and not finished for this time is given up. */
const GIVEN_UP_MS = 24 * 3_600_000;
/** Most attempts to see all layers of an image at once, while another server removes some. */
const ATTEMPTS = 3;

/** The store over a place. */
export function layeredStore(place: LayerPlace): Store {
  const write = (manifest: StoredManifest): Promise<void> =>
    place.writeText(`${manifest.amiId}.json`, `${JSON.stringify(manifest, undefined, 2)}\n`);

  return {
    place: place.place,
    check: (signal) => place.check(signal),

    async putImage(manifest, pathOf, how) {
      const tell = progressOf(manifest, how);
      await write({ ...manifest, state: 'writing' });
      try {
        for (let attempt = 1; ; attempt++) {
          for (const layer of manifest.layers) {
            how.signal.throwIfAborted();
            if (await place.has(layer, how.signal)) tell(layer, layer.bytes);
            else await place.put(layer, pathOf(layer), (bytes) => tell(layer, bytes), how);
          }
          const missing = await firstMissing(place, manifest.layers, how.signal);
          if (missing === undefined) break;
          if (attempt === ATTEMPTS) throw new Error(`${missing.name} vanishes from ${place.place}`);
        }
        await write({ ...manifest, state: 'complete' });
      } catch (error) {
        // Its layers stay for the next try, until some image is removed.
        await place.removeText(`${manifest.amiId}.json`).catch(() => {});
        throw error;
      }
    },

    async image(amiId) {
      const found = await readManifest(place, `${amiId}.json`);
      return found?.state === 'complete' ? found : undefined;
    },

    async images(signal) {
      const found: ImageManifest[] = [];
      for (const name of await place.texts(signal)) {
        if (!OF_AMI.test(name)) continue;
        const manifest = await readManifest(place, name).catch(() => undefined);
        if (manifest?.state === 'complete') found.push(manifest);
      }
      return found;
    },

    async fetchLayer(layer, target, how) {
      if (!LAYER_NAME.test(layer.name)) throw new Error(`invalid name of a layer: '${layer.name}'`);
      await place.get(layer, target, () => {}, how);
    },

    async faultsOf({ layers }) {
      const faults: string[] = [];
      for (const layer of layers) {
        const fault = await place.faultOf(layer);
        if (fault !== undefined) faults.push(fault);
      }
      return faults;
    },

    async removeImage(amiId) {
      await place.removeText(`${amiId}.json`);
      const there = (await place.layers()).filter((name) => LAYER_NAME.test(name));
      const used = await usedLayers(place);
      const unused = there.filter((name) => !used.has(name));
      if (unused.length > 0) await place.retire(unused, () => usedLayers(place));
    },
  };
}

async function firstMissing(
  place: LayerPlace,
  layers: readonly LayerFile[],
  signal: AbortSignal,
): Promise<LayerFile | undefined> {
  for (const layer of layers) if (!(await place.has(layer, signal))) return layer;
  return undefined;
}

/** Names of the layers that some image has, or will have. */
async function usedLayers(place: LayerPlace): Promise<ReadonlySet<string>> {
  const used = new Set<string>();
  for (const name of await place.texts()) {
    if (!OF_AMI.test(name)) continue;
    const manifest = await readManifest(place, name);
    if (manifest === undefined) continue;
    if (manifest.state === 'writing' && Date.now() - Date.parse(manifest.created) > GIVEN_UP_MS) continue;
    for (const layer of manifest.layers) used.add(layer.name);
  }
  return used;
}

async function readManifest(place: LayerPlace, name: string): Promise<StoredManifest | undefined> {
  const text = await place.readText(name);
  if (text === undefined) return undefined;
  try {
    const manifest = JSON.parse(text) as StoredManifest;
    if (manifest.version === 2 && Array.isArray(manifest.layers)) return manifest;
    // A flat copy: it has no layers.
    return { ...manifest, state: 'writing', layers: [] };
  } catch {
    throw new Error(`the manifest ${name} in ${place.place} is not valid JSON`);
  }
}

/** Reports bytes, each whole per cent. */
function progressOf(
  { amiId, region, layers }: ImageManifest,
  { report }: Transfer,
): (layer: LayerFile, bytes: number) => void {
  const total = layers.reduce((sum, { bytes }) => sum + bytes, 0);
  const of = new Map<string, number>();
  let told = -1;
  return (layer, bytes) => {
    of.set(layer.name, bytes);
    const done = [...of.values()].reduce((sum, each) => sum + each, 0);
    const percent = Math.floor((100 * done) / Math.max(1, total));
    if (percent <= told) return;
    told = percent;
    report({ type: 'progress', text: `copying ${amiId} to ${region}`, done, total });
  };
}
