/** The seed disk that cloud-init reads on first boot: NoCloud, a vfat image labelled CIDATA. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { run } from '../../platform/processes.ts';
import type { Seed } from '../instance.ts';

/**
 * The instance's metadata in the seed. The keys are here and not in the user data, which stays unchanged (a script,
 * MIME). cloud-init gives them to the default user, as on EC2.
 */
export function metaData(instanceId: string, seed: Seed): string {
  // JSON is YAML, and quotes special characters in a key's comment.
  const keys = seed.sshKeys?.length ? { 'public-keys': seed.sshKeys } : {};
  const metadata = { 'instance-id': instanceId, 'local-hostname': seed.hostname ?? instanceId, ...keys };
  return `${JSON.stringify(metadata, null, 2)}\n`;
}

/** Writes the seed image, without root or a mount. */
export async function writeSeedDisk(path: string, instanceId: string, seed: Seed): Promise<void> {
  const folder = `${path}.files`;
  const userData = seed.userData ?? '#cloud-config\n{}\n';
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await writeFile(`${folder}/meta-data`, metaData(instanceId, seed), { mode: 0o600 });
    await writeFile(`${folder}/user-data`, userData, { mode: 0o600 });
    await rm(path, { force: true });
    await run(['mkfs.vfat', '-n', 'CIDATA', '-C', path, String(1024 + Math.ceil(Buffer.byteLength(userData) / 1024))]);
    await run(['mcopy', '-i', path, `${folder}/meta-data`, `${folder}/user-data`, '::']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
