/** Base images are made, or fetched, on first use and kept. */
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
import { type BaseImage, versionOf } from './base-images.ts';

/** A base image that is there. */
export interface MadeBaseImage {
  readonly layer: SealedLayer;
  /** By date: `2026.11.20`. */
  readonly version: string;
}

/** Who asks, and where it is kept. */
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

// Two builds at once share one making; it is given up when nobody waits for it any more.
const makings = new Map<string, Making>();

/**
 * The newest base image of this name that was made here; made now when there is none.
 * @throws {Error} why it could not be made; nothing of it is left
 */
export async function ensureBaseImage(base: BaseImage, request: BaseImageRequest): Promise<MadeBaseImage> {
  const { catalog, layers, signal } = request;
  const there = await newestBaseImage(catalog.db, base.name);
  if (there !== undefined) return { layer: await layers.get(there.layer_id), version: there.version };

  const key = join(request.dataDirectory, base.name);
  let making = makings.get(key);
  if (making === undefined) {
    const controller = new AbortController();
    const listeners = new Set<Report>();
    const done = make(base, request, controller.signal, (event) => {
      for (const listener of listeners) listener(event);
    }).finally(() => makings.delete(key));
    making = { done, controller, listeners };
    makings.set(key, making);
  }
  making.listeners.add(request.report);
  request.report({
    type: 'log',
    text:
      `base image ${base.name} does not exist yet: it is ${base.origin === 'made' ? 'made' : 'fetched'} now ` +
      `(${base.description}), once`,
  });
  try {
    await Promise.race([making.done, aborted(signal)]);
  } finally {
    making.listeners.delete(request.report);
    if (making.listeners.size === 0)
      making.controller.abort(signal.reason ?? new Error('nobody waits for it any more'));
  }
  const made = await newestBaseImage(catalog.db, base.name);
  return { layer: await layers.get(made!.layer_id), version: made!.version };
}

async function make(base: BaseImage, request: BaseImageRequest, signal: AbortSignal, report: Report): Promise<void> {
  const { catalog, layers, dataDirectory } = request;
  const started = Date.now();
  await refuseWithoutRoom(dataDirectory, LEAST_FOR_BASE, 'making a base image');
  const held = heldRecorder(catalog.db, `base-image/${base.name}`);
  const layer = await layers.announce(null, base.origin);
  try {
    await base.make({
      target: layer.path,
      workDirectory: workFolder(dataDirectory, base.name),
      held,
      report,
      signal,
      vendors: catalog.managed.settings.vendors,
    });
    const version = versionOf(new Date());
    const record = { base: base.name, version, made: new Date().toISOString() };
    const key = createHash('sha256').update(JSON.stringify(record)).digest('hex');
    await layers.seal(layer, key, record, {
      refer: (trx, layerId) => recordBaseImage(trx, { name: base.name, version, layerId, osVersion: base.osVersion }),
    });
    report({
      type: 'log',
      text:
        `base image ${base.name} ${version} ${base.origin === 'made' ? 'made' : 'fetched'} in ` +
        `${Math.round((Date.now() - started) / 1000)} s`,
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
