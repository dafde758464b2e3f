/** Disk usage of a data directory, and freeing space. */
import { statfs } from 'node:fs/promises';
import { allAmis, amiOnRecord, updateAmi, type Ami } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { getImage } from '../catalog/images.ts';
import { snapshotIdOf } from '../catalog/snapshots.ts';
import { getInstance } from '../catalog/instances.ts';
import { allLayers, layerUses, listBaseImages, useLayer, type Layer } from '../catalog/layers.ts';
import { withdrawAmi } from '../distribution/withdraw.ts';
import { baseCacheFolder, cacheUsage, sweepCache, type CacheUsage } from '../images/base/base-cache.ts';
import { freedWithout, layerKinds, type LayerNode, type LayerReferences } from '../images/layer-graph.ts';
import { LayerStore, type Freed } from '../images/layer-store.ts';
import { DATA_NAMES } from '../platform/data-layout.ts';
import { resourceInUse, resourceNotFound } from '../resources/errors.ts';
import { isInProgress } from '../resources/statuses.ts';
import { diskSizes } from './disk-size.ts';
import { filesBelow, type FoundFile } from './files-below.ts';
import { collectRegistry } from './registry-garbage.ts';
import type { LocalRegistry } from '../distribution/registry/local-registry.ts';
import { collectGarbage, findStrays, type Collected } from './garbage.ts';
import type { FileLimits } from '../catalog/kept-files.ts';
import { listReceived, receivePart, type FilePart, type Received } from './kept-files.ts';
import { verifyAmi, type Verified } from './verify.ts';
import { accountOfArn } from '../resources/arns.ts';

/** Disk usage. All sizes are bytes on the disk, as `du` counts them. */
export interface StorageUsage {
  readonly dataDirectory: string;
  readonly totalBytes: number;
  /** Free space on the file system that Ingot can use. */
  readonly availableBytes: number;
  /** Usage by kind. Each file counts once; together they are the total. */
  readonly kinds: {
    /** Base images. */
    readonly baseImages: number;
    /** Layers of AMIs in their home Regions, without base images; shared layers count once. */
    readonly images: number;
    /** Flat copies in other Regions. */
    readonly copies: number;
    /**
     * Layers that only builds and running instances need, including those being written, and base images in progress.
     */
    readonly running: number;
    /** Data that launched instances wrote. */
    readonly instances: number;
    /** What nothing refers to: layers for later builds, and files without a record. `gc` deletes it. */
    readonly unreferenced: number;
    /** Files that components name by `file:`. */
    readonly files: number;
    /** Blobs of container images. */
    readonly containers: number;
    /** The content of the local container registry. */
    readonly registry: number;
    readonly logs: number;
    readonly catalog: number;
    readonly other: number;
  };
  /**
   * Base images that this host caches for other data directories. They are outside of this one and not in its total.
   */
  readonly hostCache?: CacheUsage;
  /** Regions with flat copies. */
  readonly regions: readonly { readonly region: string; readonly bytes: number }[];
  /** The caller's AMIs, the newest first. */
  readonly amis: readonly AmiUsage[];
}

/** An AMI and its size. */
interface AmiUsage {
  readonly id: string;
  readonly region: string;
  readonly name: string;
  /** ARN of the image that it was made for. */
  readonly image: string;
  /** ISO-8601. */
  readonly created: string;
  /** Bytes of all files of its chain. */
  readonly bytes: number;
  /** Bytes that deregistering only this AMI would free now. */
  readonly freedBytes: number;
}

/** The result of a deregistration. */
export interface Deregistered extends Freed {
  readonly amiId: string;
  readonly region: string;
  /**
   * What still needs its disk: ids of instances, ARNs of images being built, ids of AMIs based on it. Empty if the disk
   * is deleted.
   */
  readonly keptBy: readonly string[];
}

/** Storage for the API. Methods throw `ApiError`. */
export interface StorageService {
  /** Stores a part of a file: see `receivePart`. */
  receive(limits: FileLimits, part: FilePart): Promise<Received>;
  /** Files of an account, including unfinished uploads. */
  files(owner: { readonly account: string }): Promise<readonly Received[]>;
  usage(owner: { readonly account: string }): Promise<StorageUsage>;
  /**
   * Virtual size of a disk in GiB, rounded up; `undefined` if its file is gone.
   * @param file relative to the data directory
   */
  diskGib(file: string): Promise<number | undefined>;
  /**
   * @param olderThanSeconds layers of components that were used within this time are kept
   * @param hostCache whether to delete base images that this host caches for other data directories too
   */
  collect(options: { readonly olderThanSeconds: number; readonly hostCache: boolean }): Promise<Collected>;
  /**
   * Deregisters an AMI and frees what nothing else refers to.
   * @param region fails if the AMI is in another one
   * @param options.keepSnapshot keeps its disk as a snapshot until that is deleted
   * @throws {ApiError} ResourceNotFoundException, ResourceInUseException while its image is being built
   */
  deregister(
    owner: { readonly account: string },
    amiId: string,
    region?: string,
    options?: { readonly keepSnapshot: boolean },
  ): Promise<Deregistered>;
  /**
   * Compares the disk of an AMI with its record.
   * @throws {ApiError} ResourceNotFoundException
   */
  verify(owner: { readonly account: string }, amiId: string): Promise<Verified>;
  /** Frees the disk that a deregistered AMI left as its snapshot. It can be repeated. */
  deleteSnapshot(ami: Ami): Promise<void>;
}

/** The storage of one data directory. @param registry absent where there is none to collect */
export function storageService(catalog: Catalog, registry?: LocalRegistry): StorageService {
  const layers = new LayerStore(catalog, catalog.dataDirectory);
  return {
    receive: (limits, part) => receivePart(catalog, limits, part),
    files: ({ account }) => listReceived(catalog, account),
    usage: (owner) => usage(catalog, owner.account),

    diskGib: diskSizes(catalog.dataDirectory),

    async collect({ olderThanSeconds, hostCache }) {
      const found = await collectGarbage(catalog, new Date(Date.now() - olderThanSeconds * 1000).toISOString());
      const inRegistry = registry === undefined ? { bytes: 0 } : await collectRegistry(catalog, registry);
      const folder = hostCache ? baseCacheFolder() : undefined;
      const cached = folder === undefined ? { images: 0, bytes: 0 } : await sweepCache(folder, olderThanSeconds);
      const collected = { ...found, bytes: found.bytes + inRegistry.bytes };
      return cached.images === 0
        ? collected
        : { ...collected, bytes: collected.bytes + cached.bytes, cachedBaseImages: cached.images };
    },

    async verify({ account }, amiId) {
      const ami = await amiOnRecord(catalog.db, amiId);
      if (ami?.account !== account || (ami.state !== 'available' && ami.state !== 'disabled'))
        throw resourceNotFound(amiId);
      return verifyAmi(catalog.dataDirectory, ami);
    },

    async deleteSnapshot(ami) {
      await layers.release(snapshotIdOf(ami));
      if (ami.layer_id !== null) await layers.discardChain(ami.layer_id, { keepReusable: false });
    },

    async deregister({ account }, amiId, region, options = { keepSnapshot: false }) {
      const ami = await catalog.transaction(async (trx) => {
        const found = await amiOnRecord(trx, amiId);
        if (
          found === undefined ||
          found.account !== account ||
          (found.state !== 'available' && found.state !== 'disabled')
        )
          throw resourceNotFound(amiId);
        if (region !== undefined && found.region !== region)
          throw resourceNotFound(`${amiId} in ${region} (it is in ${found.region})`);
        const image = await getImage(trx, found.image_arn);
        if (image?.state?.status !== undefined && isInProgress(image.state.status)) {
          throw resourceInUse(
            amiId,
            `The image '${found.image_arn}' is still being created (${image.state.status}). Wait until it finishes, ` +
              'or cancel it.',
          );
        }
        await updateAmi(trx, amiId, { state: 'deregistered' });
        if (options.keepSnapshot && found.layer_id !== null) await useLayer(trx, found.layer_id, snapshotIdOf(found));
        return { ...found, state: 'deregistered' as const };
      });
      const freed = await withdrawAmi(catalog, layers, ami, { keepReusable: false, keepDisk: options.keepSnapshot });
      return { amiId, region: ami.region, ...freed, keptBy: await keepers(catalog, ami) };
    },
  };
}

/** All references to layers, read at one moment. */
interface Records {
  readonly layers: readonly Layer[];
  readonly nodes: readonly LayerNode[];
  readonly references: LayerReferences;
  readonly amis: readonly Ami[];
  readonly uses: readonly { readonly layer_id: string; readonly owner: string }[];
}

async function readRecords(catalog: Catalog): Promise<Records> {
  return catalog.transaction(async (trx) => {
    const layers = await allLayers(trx);
    const amis = await allAmis(trx);
    const uses = await layerUses(trx);
    return {
      layers,
      amis,
      uses,
      nodes: layers.map(({ id, parent_id, state }) => ({ id, parentId: parent_id, writing: state === 'writing' })),
      references: {
        bases: (await listBaseImages(trx)).map(({ layer_id }) => layer_id),
        // As in the queries that free layers, a deregistered AMI needs no layer.
        amis: amis.flatMap(({ id, layer_id, state }) =>
          layer_id === null || state === 'deregistered' ? [] : [{ id, layerId: layer_id }],
        ),
        uses: uses.map(({ layer_id }) => layer_id),
      },
    };
  });
}

/** How another account's use of a disk is shown. */
const OTHERS = 'another account';

/** The account of an instance, an image or an AMI. */
async function accountOf(catalog: Catalog, owner: string): Promise<string | undefined> {
  if (owner.startsWith('arn:')) return accountOfArn(owner);
  if (owner.startsWith('ami-')) return (await amiOnRecord(catalog.db, owner))?.account;
  return (await getInstance(catalog.db, owner))?.account;
}

/** What needs the layer of a deregistered AMI, if the layer still exists. */
async function keepers(catalog: Catalog, { id, account, layer_id }: Ami): Promise<readonly string[]> {
  const { nodes, references, uses } = await readRecords(catalog);
  if (layer_id === null || !nodes.some((node) => node.id === layer_id)) return [];
  const above = new Set([layer_id]);
  for (let before = 0; before < above.size; ) {
    before = above.size;
    for (const node of nodes) if (node.parentId !== null && above.has(node.parentId)) above.add(node.id);
  }
  const amis = references.amis.filter((ami) => ami.id !== id && above.has(ami.layerId)).map((ami) => ami.id);
  const found = [...new Set([...amis, ...uses.filter((use) => above.has(use.layer_id)).map(({ owner }) => owner)])];
  if (found.length === 0) return ['layers for later builds'];
  const named = await Promise.all(
    found.map(async (each) => ((await accountOf(catalog, each)) === account ? each : OTHERS)),
  );
  return [...new Set(named)];
}

async function usage(catalog: Catalog, account: string): Promise<StorageUsage> {
  const { dataDirectory } = catalog;
  // Stray files are determined first, so that a file created meanwhile is not counted as one.
  const strays = new Set(await findStrays(catalog));
  const files = await filesBelow(dataDirectory);
  const records = await readRecords(catalog);
  const kinds = layerKinds(records.nodes, records.references);
  const layerAt = new Map(records.layers.map((layer) => [layer.path, layer]));
  const copies = new Set(
    records.amis
      .filter(({ state, file }) => state === 'available' && file.startsWith(`${DATA_NAMES.regions}/`))
      .map(({ file }) => file),
  );

  const sums = {
    baseImages: 0,
    images: 0,
    copies: 0,
    running: 0,
    instances: 0,
    unreferenced: 0,
    files: 0,
    containers: 0,
    registry: 0,
    logs: 0,
    catalog: 0,
    other: 0,
  };
  const regions = new Map<string, number>();
  for (const { path, bytes } of files) {
    const kind = strays.has(path) ? 'unreferenced' : kindOf(path, layerAt, kinds, copies);
    sums[kind] += bytes;
    if (kind !== 'copies') continue;
    const region = path.split('/')[1]!;
    regions.set(region, (regions.get(region) ?? 0) + bytes);
  }
  const { bavail, bsize } = await statfs(dataDirectory);
  const hostCache = await cacheUsage(baseCacheFolder());
  return {
    dataDirectory,
    totalBytes: Object.values(sums).reduce((sum, bytes) => sum + bytes, 0),
    availableBytes: bavail * bsize,
    kinds: sums,
    hostCache,
    regions: [...regions].map(([region, bytes]) => ({ region, bytes })).sort((a, b) => (a.region < b.region ? -1 : 1)),
    amis: amiUsages(records, files, account),
  };
}

const KINDS = { base: 'baseImages', ami: 'images', work: 'running', unreferenced: 'unreferenced' } as const;
const OF_MERGE = /^lay-[0-9a-f]+-flat\.qcow2/;

function kindOf(
  path: string,
  layerAt: ReadonlyMap<string, Layer>,
  kinds: ReturnType<typeof layerKinds>,
  copies: ReadonlySet<string>,
): keyof StorageUsage['kinds'] {
  if (copies.has(path)) return 'copies';
  const layer = layerAt.get(path);
  if (layer !== undefined) return KINDS[kinds.get(layer.id)!];
  const [folder, name] = path.split('/', 2) as [string, string?];
  if (folder === DATA_NAMES.layers && OF_MERGE.test(name ?? '')) return 'running';
  if (folder === DATA_NAMES.regions && path.split('/').length > 2) return 'copies';
  if (folder === DATA_NAMES.work && name !== undefined) return 'running';
  if (folder === DATA_NAMES.instances && name !== undefined) return 'instances';
  if (folder === DATA_NAMES.files && name !== undefined) return 'files';
  if (folder === DATA_NAMES.containers && name !== undefined) return 'containers';
  if (folder === DATA_NAMES.registry && name !== undefined) return 'registry';
  if (folder === DATA_NAMES.logs || folder.startsWith(DATA_NAMES.serverLog)) return 'logs';
  if (folder.startsWith(DATA_NAMES.catalog)) return 'catalog';
  return 'other';
}

function amiUsages(
  { layers, nodes, references, amis }: Records,
  files: readonly FoundFile[],
  account: string,
): readonly AmiUsage[] {
  const sizes = new Map(files.map(({ path, bytes }) => [path, bytes]));
  const layerOf = new Map(layers.map((layer) => [layer.id, layer]));
  const sizeOf = (ids: readonly string[]): number =>
    ids.reduce((sum, id) => sum + (sizes.get(layerOf.get(id)!.path) ?? 0), 0);
  return amis
    .filter((ami) => ami.account === account && (ami.state === 'available' || ami.state === 'disabled'))
    .toReversed()
    .map((ami) => {
      const chain: string[] = [];
      for (let layer = layerOf.get(ami.layer_id ?? ''); layer !== undefined; layer = layerOf.get(layer.parent_id ?? ''))
        chain.push(layer.id);
      return {
        id: ami.id,
        region: ami.region,
        name: ami.name,
        image: ami.image_arn,
        created: ami.created,
        bytes: sizeOf(chain),
        freedBytes: sizeOf(freedWithout(ami.id, nodes, references)),
      };
    });
}
