/**
 * Layers as records and files together. A layer is on record before its file is made, gets its key when it is sealed, and a
 * crash in between leaves a record in state `writing`, which the sweeper discards with its file.
 */
import { mkdir, rm } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { dirname, join, relative } from 'node:path';
import type { Catalog } from '../catalog/catalog.ts';
import { beginLayer, completeLayer, deleteLayer, getLayer, type Layer, unfinishedLayers, unreferencedLayers } from '../catalog/layers.ts';
import { syncFile } from '../platform/files.ts';
import { newLayerId } from '../platform/ids.ts';
import { createOverlay } from './disks.ts';

/** A layer that is being written. */
export interface OpenLayer {
  readonly id: string;
  readonly parentId: string | null;
  /** Absolute path of its qcow2 file. */
  readonly path: string;
}

/** A layer that nothing writes any more. */
export interface SealedLayer {
  readonly id: string;
  readonly key: string;
  /** Absolute path of its qcow2 file, the top of the chain. */
  readonly path: string;
}

/** The layers of one data directory. */
export class LayerStore {
  private readonly catalog: Catalog;
  private readonly dataDirectory: string;

  constructor(catalog: Catalog, dataDirectory: string) {
    this.catalog = catalog;
    this.dataDirectory = dataDirectory;
  }

  /** Absolute path of a layer's file, from its record. */
  path(layer: Pick<Layer, 'path'>): string {
    return join(this.dataDirectory, layer.path);
  }

  /** Records a layer whose file the caller makes at the path: a base image that is being installed, an overlay that a snapshot makes. */
  async announce(parentId: string | null): Promise<OpenLayer> {
    const id = newLayerId();
    const path = join('layers', `${id}.qcow2`);
    await beginLayer(this.catalog.db, { id, parentId, path });
    await mkdir(dirname(join(this.dataDirectory, path)), { recursive: true });
    return { id, parentId, path: join(this.dataDirectory, path) };
  }

  /** Makes an empty layer over another. `sizeBytes` grows the disk; the parent's size when absent. */
  async open(parent: SealedLayer, sizeBytes?: number): Promise<OpenLayer> {
    const layer = await this.announce(parent.id);
    await createOverlay(parent.path, layer.path, sizeBytes);
    return layer;
  }

  /** Seals a layer under its key. Its content is on the disk when this returns. */
  async seal(layer: OpenLayer, key: string, keyRecord: object): Promise<SealedLayer> {
    await syncFile(layer.path);
    await completeLayer(this.catalog.db, layer.id, key, keyRecord);
    return { id: layer.id, key, path: layer.path };
  }

  /** Makes a flat disk that lies in the data directory (a copy, an import) a layer without a parent, so that others can lie over it. */
  async adopt(path: string, keyRecord: object): Promise<SealedLayer> {
    const id = newLayerId();
    const key = createHash('sha256').update(JSON.stringify(keyRecord)).digest('hex');
    await beginLayer(this.catalog.db, { id, parentId: null, path: relative(this.dataDirectory, path) });
    await completeLayer(this.catalog.db, id, key, keyRecord);
    return { id, key, path };
  }

  /** Throws a layer away that nothing refers to: its file, then its record. Safe to repeat. */
  async discard(layer: Pick<OpenLayer, 'id' | 'path'>): Promise<void> {
    await rm(layer.path, { force: true });
    await deleteLayer(this.catalog.db, layer.id);
  }

  /** A sealed layer by its id. @throws when it is unknown or still being written */
  async get(id: string): Promise<SealedLayer> {
    const layer = await getLayer(this.catalog.db, id);
    if (layer === undefined || layer.state !== 'complete') throw new Error(`no layer ${id}${layer ? ': it was never finished' : ''}`);
    return { id: layer.id, key: layer.key, path: this.path(layer) };
  }

  /** Discards the layers whose writing was cut off. For a start, before anything writes. */
  async discardUnfinished(): Promise<number> {
    const layers = await unfinishedLayers(this.catalog.db);
    // Newest first: a child goes before the parent it refers to.
    for (const layer of layers) await this.discard({ id: layer.id, path: this.path(layer) });
    return layers.length;
  }

  /** Discards sealed layers that no AMI, base image or layer refers to, and then those that this sets free. */
  async discardUnreferenced(): Promise<number> {
    let count = 0;
    for (;;) {
      const layers = await unreferencedLayers(this.catalog.db);
      if (layers.length === 0) return count;
      for (const layer of layers) await this.discard({ id: layer.id, path: this.path(layer) });
      count += layers.length;
    }
  }
}
