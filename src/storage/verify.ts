/** Checks whether the disk of an AMI is unchanged. */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ami } from '../catalog/amis.ts';
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

/** Verifies an AMI: compares a copy with its manifest, or checks the structure of the home Region's chain of layers. */
export async function verifyAmi(dataDirectory: string, ami: Ami): Promise<Verified> {
  const { id: amiId, region } = ami;
  const file = join(dataDirectory, ami.file);
  const { store, directory } = storeOf(dataDirectory, region);
  const faults: string[] = [];
  const verified = (more: Pick<Verified, 'checked' | 'sha256'>): Verified => ({ amiId, region, ...more, faults });
  if (!existsSync(file)) {
    faults.push(`the file ${ami.file} does not exist`);
    return verified({ checked: 'structure' });
  }
  const manifest = await store.manifestOf({ directory, amiId }).catch((error: unknown) => error as Error);
  if (manifest instanceof Error) faults.push(manifest.message);
  if (manifest === undefined || manifest instanceof Error) {
    const damage = await damageOf(file);
    if (damage !== undefined) faults.push(damage);
    return verified({ checked: 'structure' });
  }
  const { size } = await stat(file);
  if (size !== manifest.size) faults.push(`the file has ${size} bytes; its manifest says ${manifest.size}`);
  const sha256 = await sha256OfFile(file);
  if (sha256 !== manifest.sha256)
    faults.push(`the SHA-256 of the file is ${sha256}; its manifest says ${manifest.sha256}`);
  return verified({ checked: 'manifest', sha256 });
}
