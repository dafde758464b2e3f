/** Base images are made or downloaded on first use, and kept. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Catalog } from '../../catalog/catalog.ts';
import { heldRecorder } from '../../catalog/held.ts';
import { newestBaseImage, recordBaseImage } from '../../catalog/layers.ts';
import { workFolder } from '../../platform/data-layout.ts';
import { releaseAll } from '../../platform/held.ts';
import type { Report } from '../../resources/progress.ts';
import type { LayerStore, SealedLayer } from '../layer-store.ts';
import { LEAST_FOR_BASE, refuseWithoutRoom } from '../space.ts';
import { baseCacheFolder, cacheKey, keepInCache, takeCached } from './base-cache.ts';
import { type BaseImage, versionOf } from './base-images.ts';
import { freeLeftMemory } from './left-memory.ts';
import { isBeingMade, takeMakingLock } from './making-lock.ts';

/** An existing base image. */
export interface MadeBaseImage {
  readonly layer: SealedLayer;
  /** By date: `2026.11.20`. */
  readonly version: string;
}

/** What is requested, and where to keep the image. */
export interface BaseImageRequest {
  readonly catalog: Catalog;
  readonly layers: LayerStore;
  readonly dataDirectory: string;
  readonly report: Report;
  readonly signal: AbortSignal;
}

interface Making {
  readonly done: Promise<void>;
  readonly controller: AbortController;
  readonly listeners: Set<Report>;
}

// Concurrent builds share one making. It is aborted when no build waits for it any more.
const makings = new Map<string, Making>();

/**
 * The newest base image of this name in this data directory; it is made now if there is none.
 * @throws {Error} why it could not be made; nothing is left behind
 */
export async function ensureBaseImage(base: BaseImage, request: BaseImageRequest): Promise<MadeBaseImage> {
  const { catalog, layers, signal } = request;
  await freeLeftMemory().catch((error: unknown) =>
    request.report({
      type: 'log',
      level: 'warn',
      text: `the memory of a base image that another process left could not be freed: ${(error as Error).message}`,
    }),
  );
  const there = await newestBaseImage(catalog.db, base.name);
  if (there !== undefined) return { layer: await layers.get(there.layer_id), version: there.version };

  const key = join(request.dataDirectory, base.name);
  let making = makings.get(key);
  if (making === undefined) {
    const controller = new AbortController();
    // Listens from the start, so that nothing reported before the first wait is lost.
    const listeners = new Set<Report>([request.report]);
    const done = make(base, request, controller.signal, (event) => {
      for (const listener of listeners) listener(event);
    }).finally(() => makings.delete(key));
    making = { done, controller, listeners };
    makings.set(key, making);
  } else
    request.report({
      type: 'log',
      text: `waiting for the base image ${base.name}, which is being ${base.origin === 'made' ? 'made' : 'fetched'}`,
    });
  making.listeners.add(request.report);
  try {
    await Promise.race([making.done, aborted(signal)]);
  } finally {
    making.listeners.delete(request.report);
    if (making.listeners.size === 0)
      making.controller.abort(signal.reason ?? new Error('no build waits for it any more'));
  }
  const made = await newestBaseImage(catalog.db, base.name);
  return { layer: await layers.get(made!.layer_id), version: made!.version };
}

/** The owner of things that are held while a base image is made. */
function ownerOf(name: string): string {
  return `base-image/${name}`;
}

/**
 * Of the owners of held things, those for which another process of this host is making a base image. A sweeper leaves
 * their things alone.
 */
export function makersElsewhere(owners: readonly string[], dataDirectory: string): readonly string[] {
  const prefix = ownerOf('');
  return owners.filter((owner) => owner.startsWith(prefix) && isBeingMade(owner.slice(prefix.length), dataDirectory));
}

async function make(base: BaseImage, request: BaseImageRequest, signal: AbortSignal, report: Report): Promise<void> {
  const { catalog, layers, dataDirectory } = request;
  const lock = await takeMakingLock(
    base.name,
    dataDirectory,
    () =>
      report({
        type: 'log',
        text: `waiting for the base image ${base.name}, which another process on this host is making`,
      }),
    signal,
  );
  try {
    if ((await newestBaseImage(catalog.db, base.name)) !== undefined) return;
    // Releases what a killed process left.
    await releaseAll(heldRecorder(catalog.db, ownerOf(base.name)));
    await layers.discardWritten(ownerOf(base.name));
    await layers.release(ownerOf(base.name));
    await refuseWithoutRoom(dataDirectory, LEAST_FOR_BASE, 'making a base image');
    await makeLocked(base, request, signal, report);
  } finally {
    await layers.release(ownerOf(base.name));
    lock.release();
  }
}

/** Takes the base image from the host's cache, or makes it and stores it there. */
async function makeLocked(
  base: BaseImage,
  { catalog, layers, dataDirectory }: BaseImageRequest,
  signal: AbortSignal,
  report: Report,
): Promise<void> {
  const started = Date.now();
  const seconds = (): number => Math.round((Date.now() - started) / 1000);
  const held = heldRecorder(catalog.db, ownerOf(base.name));
  const cache = base.recipe === undefined ? undefined : baseCacheFolder();
  const key = cacheKey(base.recipe?.() ?? {});
  const layer = await layers.announce(null, base.origin);
  await layers.use(layer.id, ownerOf(base.name));
  try {
    const found = cache === undefined ? undefined : await takeCached(cache, key, base.name, layer.path);
    if (found?.made === undefined) {
      if (found?.refused !== undefined)
        report({ type: 'log', level: 'warn', text: `the cached base image was not used: ${found.refused}` });
      report({
        type: 'log',
        text:
          `base image ${base.name} does not exist yet: it is ${base.origin === 'made' ? 'made' : 'fetched'} now ` +
          `(${base.description}), once`,
      });
      await base.make({
        target: layer.path,
        workDirectory: workFolder(dataDirectory, base.name),
        held,
        report,
        signal,
        vendors: catalog.managed.settings.vendors,
      });
    }
    const made = found?.made ?? new Date().toISOString();
    const version = versionOf(new Date(made));
    const record = { base: base.name, version, made };
    if (cache !== undefined && found?.made === undefined)
      await keepInCache(cache, key, { name: base.name, made, disk: layer.path }).catch((error: unknown) =>
        report({
          type: 'log',
          level: 'warn',
          text: `the base image was not kept for other data directories: ${(error as Error).message}`,
        }),
      );
    await layers.seal(layer, createHash('sha256').update(JSON.stringify(record)).digest('hex'), record, {
      refer: (trx, layerId) => recordBaseImage(trx, { name: base.name, version, layerId, osVersion: base.osVersion }),
    });
    report({
      type: 'log',
      text:
        found?.made === undefined
          ? `base image ${base.name} ${version} ${base.origin === 'made' ? 'made' : 'fetched'} in ${seconds()} s`
          : `base image ${base.name} ${version} ${found.how} from ${cache} and verified in ${seconds()} s`,
    });
  } catch (error) {
    await layers.discard(layer);
    throw error;
  } finally {
    await releaseAll(held);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
