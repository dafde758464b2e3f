/** The copies of an image's AMI in other Regions, written during distribution or already while the tests run. */
import { randomUUID } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { insertAmi, updateAmi } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { heldRecorder } from '../catalog/held.ts';
import { useLayer } from '../catalog/layers.ts';
import { flatten } from '../images/disks.ts';
import type { ChainFile, LayerStore, SealedLayer } from '../images/layer-store.ts';
import { timestamp } from '../platform/clock.ts';
import { workFolder } from '../platform/data-layout.ts';
import { HELD_MARK, release, type HeldRecorder } from '../platform/held.ts';
import { newAmiId } from '../platform/ids.ts';
import { KeyService } from '../keys/key-service.ts';
import type { Insertable } from 'kysely';
import type { AmiTable } from '../catalog/engine-tables.ts';
import type { Report } from '../resources/progress.ts';
import { amiRecord, type AmiSource, type BuiltAmi, type CopiedAmi } from './ami-record.ts';
import { placeOnEc2 } from './ec2/place-image.ts';
import type { RegionPlan } from './plan.ts';
import { flatCopies, type StoredImage } from './directory/flat.ts';
import { storeOf } from './stores.ts';

/** Where copies are written and recorded. */
export interface CopyPlace {
  readonly catalog: Catalog;
  readonly layers: LayerStore;
  readonly dataDirectory: string;
}

/** A copy of an AMI to a Region. */
export interface RegionCopy {
  readonly source: AmiSource;
  readonly ami: BuiltAmi;
  readonly plan: RegionPlan;
  readonly osVersion: string | undefined;
  /** Copies that were started during the tests. */
  readonly ahead: CopiesAhead | undefined;
  /** The key that opens the copy, if the disk is encrypted (default: the account's in that Region). */
  readonly keyArn?: string | undefined;
}

/**
 * Copies an AMI to a Region. The record, in state `pending`, exists before the copy gets its name, so that the sweeper
 * finds what a crash leaves. The copy itself is complete or absent.
 * @returns the id of the AMI there, and its layer
 */
export async function copyToRegion(
  place: CopyPlace,
  copy: RegionCopy,
  report: Report,
  signal: AbortSignal,
): Promise<{ readonly amiId: string; readonly layer: SealedLayer }> {
  const { source, ami, plan, osVersion } = copy;
  const { catalog, dataDirectory } = place;
  const ahead = copy.ahead?.take(plan.region, ami, signal);
  const amiId = ahead?.amiId ?? newAmiId();
  const { directory } = await storeOf(dataDirectory, plan.region);
  const record = {
    ...amiRecord(source, { id: amiId, osVersion, ...plan }),
    layer_id: null,
    kms_key_arn: copy.keyArn ?? null,
    file: relative(dataDirectory, join(directory, `${amiId}.qcow2`)),
    state: 'pending' as const,
  };
  await insertAmi(catalog.db, record);
  return fillCopy(place, record, ami.layer, { owner: source.arn, report, signal, ahead });
}

/** How a copy is filled. */
interface Filling {
  /** Uses its layer until that is released; also the owner of what is held meanwhile. */
  readonly owner: string;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly ahead?: { complete(): Promise<StoredImage | undefined> } | undefined;
}

/**
 * Puts a disk into the store of the Region of an AMI, which is on record and pending, and makes the AMI available.
 * @returns the AMI's id, which EC2 gives where it is the store, and its layer: of a flat copy one of its own, else the
 *   one that was given
 */
export async function fillCopy(
  place: CopyPlace,
  ami: CopiedAmi & Pick<Insertable<AmiTable>, 'kms_key_arn'>,
  source: SealedLayer,
  { owner, report, signal, ahead }: Filling,
): Promise<{ readonly amiId: string; readonly layer: SealedLayer }> {
  const { catalog, layers, dataDirectory } = place;
  const { settings } = await storeOf(dataDirectory, ami.region);
  const keyArn = await shareWith(place, ami, source);
  if (settings.store === 'directory' && settings.layout === 'flat') {
    if (keyArn !== undefined)
      throw new Error(`the disk is encrypted, and the store of ${ami.region} has layout: flat; use layout: chain`);
    const stored =
      (await ahead?.complete()) ?? (await writeFlatCopy(place, owner, source, planOf(ami), ami, { report, signal }));
    const layer = await layers.adopt(
      stored.file,
      { copyOf: source.key, sha256: stored.sha256 },
      {
        origin: source.origin,
        foreignId: source.foreignId,
        owner,
        refer: (trx, layerId) => updateAmi(trx, ami.id, { state: 'available', layer_id: layerId }),
      },
    );
    return { amiId: ami.id, layer };
  }
  const amiId = await putIntoStore(place, ami, source, { owner, report, signal });
  await catalog.transaction(async (trx) => {
    await useLayer(trx, source.id, owner);
    await updateAmi(trx, ami.id, {
      id: amiId,
      state: 'available',
      layer_id: source.id,
      kms_key_arn: keyArn ?? null,
      file: relative(dataDirectory, source.path),
    });
  });
  return { amiId, layer: source };
}

/**
 * Lets the key of a copy open its disk, if that is encrypted. The layers are the source's: what differs is which key
 * opens them.
 * @returns that key
 * @throws {KeyError}
 */
async function shareWith(
  { catalog, layers }: CopyPlace,
  ami: Pick<CopiedAmi, 'account' | 'region'> & Pick<Insertable<AmiTable>, 'kms_key_arn'>,
  source: SealedLayer,
): Promise<string | undefined> {
  if (source.dataKeyId === undefined) return undefined;
  const keyArn = ami.kms_key_arn ?? (await new KeyService(catalog).defaultKey(ami)).arn;
  await layers.share(source, keyArn);
  return keyArn;
}

/** Puts a disk and the description of an AMI into the store of its Region. @returns the AMI's id there */
export async function putIntoStore(
  place: CopyPlace,
  ami: CopiedAmi,
  source: SealedLayer,
  { owner, report, signal }: Omit<Filling, 'ahead'>,
): Promise<string> {
  const { catalog, layers, dataDirectory } = place;
  const { store, settings } = await storeOf(dataDirectory, ami.region);
  const keyArn = await layers.openerOf(source);
  if (
    keyArn !== undefined &&
    (settings.store === 'ec2' || (settings.store === 'directory' && settings.layout === 'flat'))
  )
    throw new Error(`the disk is encrypted, and ${store.place} takes plain disks only`);
  if (settings.store === 'ec2') return placeOnEc2(catalog, settings, ami, source, { report, signal });
  const held = heldRecorder(catalog.db, owner);
  const chain = await layers.chainFiles(source.id);
  const merged = chain === undefined ? await mergedFile(place, source, held, signal) : undefined;
  try {
    const files = chain ?? [merged!];
    const paths = new Map(files.map(({ name, path }) => [name, path]));
    await store.putImage(
      {
        version: 2,
        ...planOf(ami),
        amiId: ami.id,
        account: ami.account,
        sourceImage: ami.image_arn,
        platform: ami.platform,
        osVersion: ami.os_version ?? undefined,
        architecture: ami.architecture,
        origin: source.origin,
        foreignId: source.foreignId,
        format: 'qcow2',
        encryption: keyArn === undefined ? undefined : { keyArn },
        layers: files.map(({ name, sha256, bytes }) => ({ name, sha256, bytes })),
        created: timestamp(),
      },
      ({ name }) => paths.get(name)!,
      { held, report, signal },
    );
    return ami.id;
  } finally {
    if (merged !== undefined) await release(held, merged.record);
  }
}

/** A chain whose files only work where they are, as one file that is removed afterwards. */
async function mergedFile(
  { dataDirectory, layers }: CopyPlace,
  source: SealedLayer,
  held: HeldRecorder,
  signal: AbortSignal,
): Promise<ChainFile & { readonly record: string }> {
  const folder = workFolder(dataDirectory, 'copies');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = `${source.id}-flat.qcow2`;
  const path = join(folder, `${randomUUID()}-${name}`);
  const record = await held.record({ kind: 'path', path });
  const process = await held.record({ kind: 'process', what: 'qemu-img convert' });
  try {
    const encryption = await layers.encryption(source);
    const sha256 = await flatten(source.path, path, { signal, env: { [HELD_MARK]: process }, encryption });
    return { name, path, sha256, bytes: (await stat(path)).size, record };
  } catch (error) {
    await release(held, record);
    throw error;
  } finally {
    await release(held, process);
  }
}

function planOf({ region, name, description, tags }: CopiedAmi): CopyPlan {
  return {
    region,
    name,
    description: description ?? undefined,
    tags: JSON.parse(tags) as Record<string, string>,
  };
}

/** A copy that is written before the tests have passed. */
interface Ahead {
  readonly amiId: string;
  readonly layerId: string;
  /** Lets the copy get its name. */
  readonly allow: () => void;
  /** `undefined` when it failed. */
  readonly written: Promise<StoredImage | undefined>;
}

/**
 * Copies that are written while the tests run, because a second processor is idle meanwhile. Until a copy is used it
 * has no name, no manifest and no record; held records let the sweeper find what a crash leaves behind.
 */
export class CopiesAhead {
  readonly #over = new AbortController();
  /** Copies that have not been used yet, by Region. */
  readonly #copies = new Map<string, Ahead>();
  readonly #written: Promise<unknown>[] = [];

  /** Starts writing the flat copies of an AMI, one after the other. */
  constructor(place: CopyPlace, imageArn: string, ami: BuiltAmi, plans: readonly RegionPlan[], whole: AbortSignal) {
    const signal = AbortSignal.any([whole, this.#over.signal]);
    let before: Promise<unknown> = Promise.resolve();
    for (const plan of plans) {
      const amiId = newAmiId();
      const { promise: allowed, resolve: allow, reject: refuse } = Promise.withResolvers<void>();
      allowed.catch(() => {}); // Nothing may be waiting for it yet.
      if (signal.aborted) refuse(signal.reason);
      else signal.addEventListener('abort', () => refuse(signal.reason), { once: true });
      const { promise: full, resolve: isFull } = Promise.withResolvers<void>();
      const written = before
        .then(() =>
          writeFlatCopy(
            place,
            imageArn,
            ami.layer,
            plan,
            { id: amiId, image_arn: imageArn },
            {
              report: () => {},
              signal,
              named: () => {
                isFull();
                return allowed;
              },
            },
          ),
        )
        .catch(() => undefined); // Distribution tries again, and reports the error.
      before = Promise.race([full, written]);
      this.#written.push(written);
      this.#copies.set(plan.region, { amiId, layerId: ami.layer.id, allow, written });
    }
  }

  /**
   * The copy of an AMI for a Region, if one was started. `complete` gives it its name and waits until it is written;
   * the result is `undefined` if it failed.
   * @param signal aborts the wait and all copies
   */
  take(
    region: string,
    ami: BuiltAmi,
    signal: AbortSignal,
  ): { readonly amiId: string; complete(): Promise<StoredImage | undefined> } | undefined {
    const ahead = this.#copies.get(region);
    if (ahead?.layerId !== ami.layer.id) return undefined;
    this.#copies.delete(region);
    return {
      amiId: ahead.amiId,
      complete: async () => {
        signal.throwIfAborted();
        const stop = (): void => this.#over.abort(signal.reason);
        signal.addEventListener('abort', stop, { once: true });
        ahead.allow();
        const copy = await ahead.written.finally(() => signal.removeEventListener('abort', stop));
        signal.throwIfAborted();
        return copy;
      },
    };
  }

  /** Aborts incomplete copies and waits until they are removed. */
  async drop(): Promise<void> {
    this.#over.abort(new Error('the copy is not wanted'));
    await Promise.all(this.#written);
  }
}

type CopyPlan = Pick<RegionPlan, 'region' | 'name' | 'description' | 'tags'>;

/** Writes the disk of an AMI to a Region as one file, completely or not at all. */
async function writeFlatCopy(
  { catalog, dataDirectory }: CopyPlace,
  owner: string,
  { path }: Pick<SealedLayer, 'path'>,
  plan: CopyPlan,
  { id, image_arn }: { readonly id: string; readonly image_arn: string },
  how: { readonly report: Report; readonly signal: AbortSignal; readonly named?: () => Promise<void> },
): Promise<StoredImage> {
  const { directory } = await storeOf(dataDirectory, plan.region);
  return flatCopies.copyImage({
    top: path,
    region: plan.region,
    amiId: id,
    name: plan.name,
    description: plan.description,
    tags: plan.tags,
    imageArn: image_arn,
    directory,
    held: heldRecorder(catalog.db, owner),
    ...how,
  });
}
