/** The copies of an image's AMI in other Regions, written during distribution or already while the tests run. */
import { join, relative } from 'node:path';
import { insertAmi, updateAmi } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { heldRecorder } from '../catalog/held.ts';
import type { LayerStore, SealedLayer } from '../images/layer-store.ts';
import { newAmiId } from '../platform/ids.ts';
import type { Report } from '../resources/progress.ts';
import { amiRecord, type AmiSource, type BuiltAmi } from './ami-record.ts';
import type { RegionPlan } from './plan.ts';
import type { StoredImage } from './store.ts';
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
  const { catalog, layers, dataDirectory } = place;
  const ahead = copy.ahead?.take(plan.region, ami, signal);
  const amiId = ahead?.amiId ?? newAmiId();
  const { directory } = storeOf(dataDirectory, plan.region);
  await insertAmi(catalog.db, {
    ...amiRecord(source, { id: amiId, osVersion, ...plan }),
    layer_id: null,
    file: relative(dataDirectory, join(directory, `${amiId}.qcow2`)),
    state: 'pending',
  });
  const stored =
    (await ahead?.complete()) ?? (await writeCopy(place, source.arn, ami, plan, amiId, { report, signal }));
  const layer = await layers.adopt(
    stored.file,
    { copyOf: ami.layer.key, sha256: stored.sha256 },
    {
      origin: ami.layer.origin,
      foreignId: ami.layer.foreignId,
      owner: source.arn,
      refer: (trx, layerId) => updateAmi(trx, amiId, { state: 'available', layer_id: layerId }),
    },
  );
  return { amiId, layer };
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

  /** Starts writing the copies of an AMI, one after the other. */
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
          writeCopy(place, imageArn, ami, plan, amiId, {
            report: () => {},
            signal,
            named: () => {
              isFull();
              return allowed;
            },
          }),
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

/** Copies the disk of an AMI to a Region, completely or not at all. */
export function writeCopy(
  { catalog, dataDirectory }: CopyPlace,
  imageArn: string,
  ami: BuiltAmi,
  plan: Pick<RegionPlan, 'region' | 'name' | 'description' | 'tags'>,
  amiId: string,
  how: { readonly report: Report; readonly signal: AbortSignal; readonly named?: () => Promise<void> },
): Promise<StoredImage> {
  const { store, directory } = storeOf(dataDirectory, plan.region);
  return store.copyImage({
    top: ami.layer.path,
    region: plan.region,
    amiId,
    name: plan.name,
    description: plan.description,
    tags: plan.tags,
    imageArn,
    directory,
    held: heldRecorder(catalog.db, imageArn),
    ...how,
  });
}
