/** Checks whether the disk of an AMI is unchanged. */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Ami } from '../catalog/amis.ts';
import { flatCopies } from '../distribution/directory/flat.ts';
import { storeOf } from '../distribution/stores.ts';
import { damageOf } from '../images/disks.ts';
import { sha256OfFile } from '../platform/files.ts';

/** The result of a verification. */
export interface Verified {
  readonly amiId: string;
  readonly region: string;
  /** What was compared: a copy's manifest, or the structure of a chain of layers. */
  readonly checked: 'manifest' | 'structure';
  /** Of the file, if it has a manifest. */
  readonly sha256?: string;
  /** Faults as sentences; empty if there are none. */
  readonly faults: readonly string[];
}

/**
 * Verifies an AMI. What a store has is compared with its manifest; for layers that are only here, the structure of each
 * file is checked.
 */
export async function verifyAmi(dataDirectory: string, ami: Ami): Promise<Verified> {
  const { id: amiId, region } = ami;
  const { store, directory } = await storeOf(dataDirectory, region);
  const verified = (faults: readonly string[], more: Pick<Verified, 'checked' | 'sha256'>): Verified => ({
    amiId,
    region,
    ...more,
    faults,
  });
  const isFlat = ami.file === relative(dataDirectory, join(directory, `${amiId}.qcow2`));
  let unread: readonly string[] = [];
  const read = <T>(manifest: Promise<T | undefined>): Promise<T | undefined> =>
    manifest.catch((error: Error) => {
      unread = [error.message];
      return undefined;
    });
  const stored = isFlat ? undefined : await read(store.image(amiId));
  if (stored !== undefined)
    return verified(await store.faultsOf(stored), { checked: 'manifest', sha256: stored.layers.at(-1)!.sha256 });
  const file = join(dataDirectory, ami.file);
  if (ami.file === '' || !existsSync(file))
    return verified([...unread, `the file ${ami.file} does not exist`], { checked: 'structure' });
  const description = isFlat ? await read(flatCopies.manifestOf({ directory, amiId })) : undefined;
  if (description === undefined) {
    const damage = await damageOf(file);
    return verified([...unread, ...(damage === undefined ? [] : [damage])], { checked: 'structure' });
  }
  const faults: string[] = [];
  const { size } = await stat(file);
  if (size !== description.size) faults.push(`the file has ${size} bytes; its manifest says ${description.size}`);
  const sha256 = await sha256OfFile(file);
  if (sha256 !== description.sha256)
    faults.push(`the SHA-256 of the file is ${sha256}; its manifest says ${description.sha256}`);
  return verified(faults, { checked: 'manifest', sha256 });
}
