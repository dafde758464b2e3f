/**
 * Layers: records together with files. A layer is recorded before its file is created, and gets its key when it is
 * sealed. A crash in between leaves a record in state `writing`, which the sweeper deletes with its file.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { findAmi, type Ami } from '../catalog/amis.ts';
import type { Catalog, Queryable } from '../catalog/catalog.ts';
import type { DiskOrigin } from '../catalog/engine-tables.ts';
import {
  allLayers,
  beginLayer,
  chainLength,
  completeLayer,
  deleteLayer,
  endLayerUses,
  getLayer,
  type Layer,
  layerUses,
  layerWithKey,
  markForeignId,
  replaceLayerFile,
  setLayerDigest,
  unfinishedLayers,
  unreferencedLayer,
  unreferencedLayers,
  useLayer,
} from '../catalog/layers.ts';
import { DATA_NAMES, dataPath, layerFile } from '../platform/data-layout.ts';
import { sha256OfFile, syncFile } from '../platform/files.ts';
import { HELD_MARK, release, type HeldRecorder } from '../platform/held.ts';
import { newLayerId } from '../platform/ids.ts';
import { KeyService } from '../keys/key-service.ts';
import type { DataKey } from '../keys/data-key.ts';
import { deleteUnusedDataKeys, keyOfDataKey } from '../catalog/keys.ts';
import { createOverlay, diskChain, diskInfo, flatten } from './disks.ts';
import { createEncrypted, type EncryptedChain } from './encrypted-disk.ts';
import { backingName, layerHeaderFault } from './layer-header.ts';
import { LOW_WATER, refuseWithoutRoom } from './space.ts';

/** A layer that is being written. */
export interface OpenLayer {
  readonly id: string;
  readonly parentId: string | null;
  /** Absolute path of its qcow2 file. */
  readonly path: string;
}

/** A sealed layer: nothing writes to it any more. */
export interface SealedLayer {
  readonly id: string;
  readonly key: string;
  /** Absolute path of its qcow2 file, the top of the chain. */
  readonly path: string;
  /** Of the whole chain. */
  readonly origin: DiskOrigin;
  /** What shows that the chain has ids which a system container does not have, as a clause. */
  readonly foreignId?: string;
  /** The data key of its file, if that is encrypted. */
  readonly dataKeyId?: string;
  /** The key that opens the chain, if it was taken by an AMI that has one; default: the data key's own. */
  readonly keyArn?: string;
}

/** The purpose of a sealed layer, recorded together with it, so that the layer always has an owner. */
export interface Sealing {
  /** Its label, if later builds may use it: `layerLabel`. */
  readonly label?: string;
  /** The owner that uses it until `release`. */
  readonly owner?: string;
  /** Records that refer to the layer. */
  readonly refer?: (trx: Queryable, layerId: string) => Promise<void>;
}

/** Age from which a data key without a layer is deleted. */
const UNUSED_KEY_MS = 3_600_000;

/** A layer's file name, and its id in it. */
const OF_LAYER = /^(lay-[0-9a-f]{17})(?:-flat)?\.qcow2$/;

/** A file of a chain, as stores have it. */
export interface ChainFile {
  /** File name without its folder. The layer above refers to it by this name. */
  readonly name: string;
  /** In hexadecimal digits. */
  readonly sha256: string;
  /** Size of the file. */
  readonly bytes: number;
  /** Absolute path of the file here. */
  readonly path: string;
}

/** What was freed. */
export interface Freed {
  readonly layers: number;
  /** On the disk. */
  readonly bytes: number;
}

/** The layers of one data directory. */
export class LayerStore {
  private readonly catalog: Catalog;
  private readonly dataDirectory: string;
  private readonly bring: ((ami: Ami, owner: string) => Promise<void>) | undefined;
  private readonly keys: KeyService;

  /** @param bring gives an AMI, which is only in the store of its Region, its layer here */
  constructor(catalog: Catalog, dataDirectory: string, bring?: (ami: Ami, owner: string) => Promise<void>) {
    this.catalog = catalog;
    this.dataDirectory = dataDirectory;
    this.bring = bring;
    this.keys = new KeyService(catalog);
  }

  /** Absolute path of a layer's file, from its record. */
  path(layer: Pick<Layer, 'path'>): string {
    return join(this.dataDirectory, layer.path);
  }

  /**
   * Records a layer whose file the caller creates at the path: a base image in progress, or an overlay from a snapshot.
   * @param origin of a disk without a parent; other layers inherit their parent's
   * @param dataKeyId its file is encrypted with this data key (default: as its parent's)
   */
  async announce(parentId: string | null, origin: DiskOrigin = 'made', dataKeyId?: string): Promise<OpenLayer> {
    const id = newLayerId();
    const path = layerFile(id);
    await beginLayer(this.catalog.db, { id, parentId, path, origin, dataKeyId });
    await mkdir(dirname(join(this.dataDirectory, path)), { recursive: true, mode: 0o700 });
    return { id, parentId, path: join(this.dataDirectory, path) };
  }

  /**
   * Creates an empty layer on another one. Over an encrypted layer, it is encrypted.
   * @param sizeBytes grows the disk (default: the parent's size)
   * @param keyArn encrypts it under this key
   * @throws {KeyError} if a key cannot be used; nothing is left
   */
  async open(parent: SealedLayer, sizeBytes?: number, keyArn?: string): Promise<OpenLayer> {
    const target = await this.keyOver(parent, keyArn);
    const key = target === undefined ? undefined : await this.dataKeyOver(parent, target);
    const layer = await this.announce(parent.id, undefined, key?.id);
    try {
      if (key === undefined) await createOverlay(parent.path, layer.path, sizeBytes);
      else await this.createEncrypted(layer.path, key, parent, sizeBytes);
    } catch (error) {
      await this.discard(layer);
      throw error;
    }
    return layer;
  }

  /**
   * Creates a disk over a layer for an instance that is no build: encrypted if the layer is.
   * @returns how to open it, if it is encrypted
   */
  async createDisk(parent: SealedLayer, path: string): Promise<EncryptedChain | undefined> {
    const below = await this.encryption(parent);
    if (below === undefined) {
      await createOverlay(parent.path, path);
      return undefined;
    }
    const { key } = below.files[0]!;
    await this.createEncrypted(path, key, parent, undefined);
    return { files: [{ path, key }, ...below.files] };
  }

  /** The key that a layer over another one is encrypted under; `undefined` if it is not encrypted. */
  async keyOver(parent: SealedLayer, keyArn?: string): Promise<string | undefined> {
    return keyArn ?? this.openerOf(parent);
  }

  /** The key that opens a layer; `undefined` if it is not encrypted. */
  async openerOf({ dataKeyId, keyArn }: SealedLayer): Promise<string | undefined> {
    return dataKeyId === undefined ? undefined : (keyArn ?? (await keyOfDataKey(this.catalog.db, dataKeyId)));
  }

  /** How to open a layer, sealed or not; `undefined` if it is not encrypted. @throws {KeyError} */
  async encryption({ id, keyArn }: Pick<SealedLayer, 'id' | 'keyArn'>): Promise<EncryptedChain | undefined> {
    const layers = await this.encryptedLayers(id);
    if (layers.length === 0) return undefined;
    const opener = keyArn ?? (await keyOfDataKey(this.catalog.db, layers[0]!.data_key_id!));
    const keys = new Map<string, DataKey>();
    for (const { data_key_id } of layers)
      if (!keys.has(data_key_id!)) keys.set(data_key_id!, await this.keys.openDataKey(data_key_id!, opener));
    return { files: layers.map((layer) => ({ path: this.path(layer), key: keys.get(layer.data_key_id!)! })) };
  }

  /** The data key of a layer's own file; `undefined` if it is not encrypted. @throws {KeyError} */
  async dataKey(id: string): Promise<DataKey | undefined> {
    const layer = await getLayer(this.catalog.db, id);
    return layer?.data_key_id == null ? undefined : this.keys.openDataKey(layer.data_key_id);
  }

  /** Lets another key open a layer's chain too. Its files stay as they are. @throws {KeyError} */
  async share(layer: SealedLayer, keyArn: string): Promise<void> {
    await this.keys.share(await this.dataKeyIds(layer.id), await this.openerOf(layer), keyArn);
  }

  private async dataKeyIds(id: string): Promise<readonly string[]> {
    return [...new Set((await this.encryptedLayers(id)).map(({ data_key_id }) => data_key_id!))];
  }

  /** The encrypted layers of a chain, top first. No plain layer lies over an encrypted one. */
  private async encryptedLayers(id: string): Promise<readonly Layer[]> {
    const found: Layer[] = [];
    for (let next: string | null = id; next !== null; ) {
      const layer: Layer | undefined = await getLayer(this.catalog.db, next);
      if (layer?.data_key_id == null) break;
      found.push(layer);
      next = layer.parent_id;
    }
    return found;
  }

  /** The parent's data key if it is under the same key, else another one; the key then opens the whole chain. */
  private async dataKeyOver(parent: SealedLayer, keyArn: string): Promise<DataKey> {
    const { dataKeyId } = parent;
    if (dataKeyId !== undefined) await this.share(parent, keyArn);
    if (dataKeyId !== undefined && (await keyOfDataKey(this.catalog.db, dataKeyId)) === keyArn)
      return this.keys.openDataKey(dataKeyId);
    return this.keys.newDataKey(keyArn);
  }

  private async createEncrypted(path: string, key: DataKey, parent: SealedLayer, sizeBytes = 0): Promise<void> {
    const { virtualSize } = await diskInfo(parent.path);
    await createEncrypted(path, key, Math.max(sizeBytes, virtualSize), parent.path);
  }

  /** Seals a layer under its key. Its content is durable when this returns. */
  async seal(layer: OpenLayer, key: string, keyRecord: object, sealing: Sealing = {}): Promise<SealedLayer> {
    await syncFile(layer.path);
    await this.catalog.transaction((trx) => complete(trx, layer.id, key, keyRecord, sealing));
    return this.sealed((await getLayer(this.catalog.db, layer.id))!);
  }

  /**
   * Records that a layer has ids which a system container does not have. Layers that are announced over it afterwards
   * have them too.
   * @param what a clause that shows it, such as "the account app of /etc/passwd has the id 20000000"
   */
  async markForeignId(layer: OpenLayer, what: string): Promise<void> {
    await markForeignId(this.catalog.db, layer.id, what);
  }

  /**
   * Turns a flat disk in the data directory (a copy, an import) into a layer without a parent, so that others can be
   * based on it.
   */
  async adopt(
    path: string,
    keyRecord: object,
    sealing: Sealing & Pick<SealedLayer, 'origin' | 'foreignId'>,
  ): Promise<SealedLayer> {
    const id = newLayerId();
    const key = createHash('sha256').update(JSON.stringify(keyRecord)).digest('hex');
    await this.catalog.transaction(async (trx) => {
      const { origin, foreignId } = sealing;
      await beginLayer(trx, { id, parentId: null, path: relative(this.dataDirectory, path), origin, foreignId });
      await complete(trx, id, key, keyRecord, sealing);
    });
    return { id, key, path, origin: sealing.origin, foreignId: sealing.foreignId };
  }

  /** Deletes a layer that nothing refers to: its file, then its record. It can be repeated. */
  async discard(layer: Pick<OpenLayer, 'id' | 'path'>): Promise<void> {
    await rm(layer.path, { force: true });
    await deleteLayer(this.catalog.db, layer.id);
  }

  /**
   * A sealed layer by its id.
   * @throws if it is unknown or still being written
   */
  async get(id: string): Promise<SealedLayer> {
    const layer = await getLayer(this.catalog.db, id);
    if (layer === undefined || layer.state !== 'complete')
      throw new Error(`no layer ${id}${layer ? ': it was never finished' : ''}`);
    return this.sealed(layer);
  }

  /**
   * A reusable layer, recorded as used by `owner`, so that it is not collected meanwhile.
   * @param since ISO-8601; older layers are ignored
   */
  async take(key: string, since: string, owner: string): Promise<SealedLayer | undefined> {
    return this.catalog.transaction(async (trx) => {
      const layer = await layerWithKey(trx, key, since);
      if (layer === undefined || !existsSync(this.path(layer))) return undefined;
      await useLayer(trx, layer.id, owner);
      return this.sealed(layer);
    });
  }

  /**
   * The layer of an available AMI, recorded as used by `owner` in the same transaction. If a deregistration comes
   * first, the AMI is not found; if it comes later, the layer stays.
   */
  async takeAmi(
    amiId: string,
    region: string,
    owner: string,
  ): Promise<{ readonly ami: Ami; readonly layer: SealedLayer } | undefined> {
    const before = await findAmi(this.catalog.db, amiId, region);
    if (before?.layer_id === null) await this.bring?.(before, owner);
    return this.catalog.transaction(async (trx) => {
      const ami = await findAmi(trx, amiId, region);
      const layer = ami?.layer_id == null ? undefined : await getLayer(trx, ami.layer_id);
      if (ami === undefined || layer === undefined || layer.state !== 'complete') return undefined;
      await useLayer(trx, layer.id, owner);
      return { ami, layer: { ...this.sealed(layer), keyArn: ami.kms_key_arn ?? undefined } };
    });
  }

  /** A layer by its id, recorded as used by `owner`; `undefined` if it was collected. */
  async takeById(id: string, owner: string): Promise<SealedLayer | undefined> {
    return this.catalog.transaction(async (trx) => {
      const layer = await getLayer(trx, id);
      if (layer === undefined || layer.state !== 'complete') return undefined;
      await useLayer(trx, id, owner);
      return this.sealed(layer);
    });
  }

  /** Records a layer as used by `owner` until `release`. */
  async use(layerId: string, owner: string): Promise<void> {
    await useLayer(this.catalog.db, layerId, owner);
  }

  /**
   * The files of a layer's chain, base first, with their checksums, which are computed once.
   * @returns `undefined` when the files name each other by more than a file name, so that they only work where they are
   */
  async chainFiles(layerId: string): Promise<readonly ChainFile[] | undefined> {
    const files: ChainFile[] = [];
    let above: string | undefined;
    for (let next: string | null = layerId; next !== null; ) {
      const layer: Layer | undefined = await getLayer(this.catalog.db, next);
      if (layer === undefined) throw new Error(`no layer ${next}`);
      const path = this.path(layer);
      const name = basename(path);
      if (above !== undefined && above !== name) return undefined;
      above = await backingName(path);
      files.unshift({ name, path, ...(await this.digestOf(layer)) });
      next = layer.parent_id;
    }
    return above === undefined ? files : undefined;
  }

  private async digestOf(layer: Layer): Promise<{ readonly sha256: string; readonly bytes: number }> {
    if (layer.sha256 !== null && layer.bytes !== null) return { sha256: layer.sha256, bytes: layer.bytes };
    const path = this.path(layer);
    const digest = { sha256: await sha256OfFile(path), bytes: (await stat(path)).size };
    await setLayerDigest(this.catalog.db, layer.id, digest);
    return digest;
  }

  /**
   * Makes a chain that comes from elsewhere layers of this data directory: those that are here already are used.
   * @param files base first
   * @param disk of the disk, if its base is not here
   * @param bring writes a file whose checksum it has verified
   * @param owner uses the layers until `release`
   * @throws {Error} when a file names another one than the layer below it
   */
  async receive(
    files: readonly Omit<ChainFile, 'path'>[],
    { origin, foreignId }: Pick<SealedLayer, 'origin' | 'foreignId'>,
    bring: (file: Omit<ChainFile, 'path'>, target: string) => Promise<void>,
    owner: string,
  ): Promise<SealedLayer> {
    let below: { readonly id: string; readonly name: string } | undefined;
    for (const file of files) {
      const id = OF_LAYER.exec(file.name)?.[1];
      if (id === undefined) throw new Error(`invalid name of a layer: '${file.name}'`);
      const path = join(DATA_NAMES.layers, file.name);
      const { db } = this.catalog;
      const known = await this.catalog.transaction(async (trx) => {
        const found = await getLayer(trx, id);
        if (found !== undefined) await useLayer(trx, id, owner);
        return found;
      });
      if (known === undefined) {
        await beginLayer(db, { id, parentId: below?.id ?? null, path, origin, foreignId });
        await useLayer(db, id, owner);
        const target = join(this.dataDirectory, path);
        await mkdir(dirname(target), { recursive: true, mode: 0o700 });
        try {
          await bring(file, target);
          const fault = await layerHeaderFault(target, below?.name);
          if (fault !== undefined) throw new Error(`the layer ${file.name} is rejected: ${fault}`);
        } catch (error) {
          await this.discard({ id, path: target });
          throw error;
        }
        const record = { received: file.sha256 };
        const key = createHash('sha256').update(JSON.stringify(record)).digest('hex');
        await this.catalog.transaction(async (trx) => {
          await completeLayer(trx, id, key, record, '');
          await setLayerDigest(trx, id, { sha256: file.sha256, bytes: file.bytes });
        });
      } else if (known.state !== 'complete' || known.path !== path || known.parent_id !== (below?.id ?? null))
        throw new Error(`the layer ${id} is here already, and is another one`);
      below = { id, name: file.name };
    }
    if (below === undefined) throw new Error('the image has no layers');
    return this.get(below.id);
  }

  /** Removes the uses of `owner`. */
  async release(owner: string): Promise<void> {
    await endLayerUses(this.catalog.db, owner);
  }

  /**
   * Merges a chain longer than `limit` into the file of its top: reading through many files is slow, and each keeps
   * those below it. The chain's other layers stay for their other users.
   * @param held records the copying process, so that the sweeper finds it
   * @returns the layer, with its new file if it was merged
   */
  async merge(layer: SealedLayer, limit: number, held: HeldRecorder, signal?: AbortSignal): Promise<SealedLayer> {
    if ((await chainLength(this.catalog.db, layer.id)) <= limit) return layer;
    await refuseWithoutRoom(
      this.dataDirectory,
      LOW_WATER + (await sizeOfChain(layer.path)),
      `merging a chain of more than ${limit} layers`,
    );
    const path = layerFile(layer.id, true);
    const heldId = await held.record({ kind: 'process', what: 'qemu-img merge' });
    try {
      await flatten(layer.path, join(this.dataDirectory, path), {
        signal,
        env: { [HELD_MARK]: heldId },
        encryption: await this.encryption(layer),
      });
    } finally {
      await release(held, heldId);
    }
    await replaceLayerFile(this.catalog.db, layer.id, path);
    await rm(layer.path, { force: true });
    return { ...layer, path: join(this.dataDirectory, path) };
  }

  /** Deletes the layers that `owner` used and was still writing, and those below them that are then unused. */
  async discardWritten(owner: string): Promise<void> {
    const mine = new Set(
      (await layerUses(this.catalog.db)).filter((use) => use.owner === owner).map((use) => use.layer_id),
    );
    for (const layer of await unfinishedLayers(this.catalog.db)) {
      if (!mine.has(layer.id)) continue;
      await this.discard({ id: layer.id, path: this.path(layer) });
      if (layer.parent_id !== null) await this.discardChain(layer.parent_id, { keepReusable: true });
    }
  }

  /**
   * Deletes the layers whose writing was interrupted, and files without a record. Called at a start, before anything
   * writes. A layer that is in use belongs to a kept instance.
   */
  async discardUnfinished(): Promise<number> {
    const used = new Set((await layerUses(this.catalog.db)).map((use) => use.layer_id));
    const layers = (await unfinishedLayers(this.catalog.db)).filter(({ id }) => !used.has(id));
    // Newest first: a child goes before its parent.
    for (const layer of layers) await this.discard({ id: layer.id, path: this.path(layer) });
    const known = new Set((await allLayers(this.catalog.db)).map(({ path }) => path));
    const folder = dataPath(this.dataDirectory, 'layers');
    const strays = existsSync(folder)
      ? (await readdir(folder)).map((name) => join(DATA_NAMES.layers, name)).filter((path) => !known.has(path))
      : [];
    for (const path of strays) await rm(join(this.dataDirectory, path), { force: true });
    return layers.length + strays.length;
  }

  /**
   * Deletes a sealed layer and those below it, as far down as nothing refers to them. Does nothing if something refers
   * to it.
   * @param options.keepReusable stops at a component's layer, which later builds may find by its key
   */
  async discardChain(id: string, options: { readonly keepReusable: boolean }): Promise<Freed> {
    let layers = 0;
    let bytes = 0;
    for (let next: string | null = id; next !== null; layers++) {
      const layerId: string = next;
      const layer: Layer | undefined = await this.catalog.transaction(async (trx) => {
        const found = await unreferencedLayer(trx, layerId);
        if (found === undefined || (options.keepReusable && found.label !== '')) return undefined;
        await deleteLayer(trx, layerId);
        return found;
      });
      if (layer === undefined) break;
      bytes += await removeFile(this.path(layer));
      next = layer.parent_id;
    }
    return { layers, bytes };
  }

  /**
   * Deletes sealed layers that nothing refers to, and then those that this frees; components' layers only if they were
   * last used at `before` (ISO-8601) or earlier. The record is deleted first, in one transaction with the check: a
   * concurrent build either finds the layer or does not.
   * @returns the deleted layers and the freed bytes
   */
  async discardUnreferenced(before: string): Promise<Freed> {
    let layers = 0;
    let bytes = 0;
    for (;;) {
      const free = await this.catalog.transaction(async (trx) => {
        const found = await unreferencedLayers(trx, before);
        for (const layer of found) await deleteLayer(trx, layer.id);
        return found;
      });
      if (free.length === 0) {
        // A new data key has no layer for a moment.
        await deleteUnusedDataKeys(this.catalog.db, new Date(Date.now() - UNUSED_KEY_MS).toISOString());
        return { layers, bytes };
      }
      for (const layer of free) bytes += await removeFile(this.path(layer));
      layers += free.length;
    }
  }

  private sealed(layer: Layer): SealedLayer {
    return {
      id: layer.id,
      key: layer.key,
      path: this.path(layer),
      origin: layer.origin,
      foreignId: layer.foreign_id ?? undefined,
      dataKeyId: layer.data_key_id ?? undefined,
    };
  }
}

/** Total bytes of a disk's files, the maximum for a flat copy. */
async function sizeOfChain(top: string): Promise<number> {
  return (await diskChain(top)).reduce((sum, { actualSize }) => sum + actualSize, 0);
}

async function complete(
  trx: Queryable,
  id: string,
  key: string,
  keyRecord: object,
  { label = '', owner, refer }: Sealing,
): Promise<void> {
  await completeLayer(trx, id, key, keyRecord, label);
  if (owner !== undefined) await useLayer(trx, id, owner);
  await refer?.(trx, id);
}

/** Removes a file, if it exists. Returns the disk space that it took, in bytes. */
async function removeFile(path: string): Promise<number> {
  const bytes = 512 * ((await stat(path).catch(() => undefined))?.blocks ?? 0);
  await rm(path, { force: true });
  return bytes;
}
