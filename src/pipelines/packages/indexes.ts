/**
 * Fetches package indexes without booting anything: Debian's from the mirrors of base images, others from their
 * repositories (`rpm.ts`). The indexes only decide whether a build starts, so their signatures are not verified here;
 * apt and dnf verify what they install.
 */
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mirrorsFromEnvironment } from '../../images/base/debian-packages.ts';
import { download, downloadSmall } from '../../platform/download.ts';
import { run } from '../../platform/processes.ts';
import { rpmIndexes, rpmRepositories } from './rpm.ts';
import { packageReader, sha256Of, type IndexSource, type PackageIndex } from './outdated.ts';

/** Releases with known indexes, by the name in images (`osVersion`). */
const RELEASES: Readonly<Record<string, string>> = { 'Debian 12': 'bookworm', 'Debian 13': 'trixie' };
/** Limits in bytes. An index of main has 12 MB compressed, 50 MB as text. */
const LARGEST = { release: 4 << 20, compressed: 64 << 20, text: 256 << 20 };

/**
 * The indexes of a system: those of Debian's archive come from the mirrors that the environment sets.
 * @throws {Error} for a system whose indexes are not known
 */
export const packageIndexes: IndexSource = async (osVersion, names, signal) => {
  const release = RELEASES[osVersion ?? ''];
  const repositories = rpmRepositories(osVersion ?? '');
  if (repositories !== undefined) return rpmIndexes(repositories, names, signal);
  if (release === undefined)
    throw new Error(
      `the package indexes of ${osVersion ?? 'an unknown system'} are not known; known are those of ` +
        `${Object.keys(RELEASES).join(', ')}, Amazon Linux 2023, Rocky Linux, AlmaLinux and CentOS Stream`,
    );
  const { main, security } = mirrorsFromEnvironment(process.env);
  const found: PackageIndex[] = [];
  for (const [suite, mirror, isSecurity] of [
    [release, main, false],
    [`${release}-updates`, main, false],
    [`${release}-security`, security, true],
  ] as const)
    found.push({
      suite,
      security: isSecurity,
      versions: await versionsOf(`${mirror}/dists/${suite}`, names, signal),
    });
  return found;
};

/** The versions of a suite, from a `Packages` file whose hash matches the one in `Release`. */
async function versionsOf(
  base: string,
  names: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const { content } = await downloadSmall(`${base}/Release`, { signal, maxBytes: LARGEST.release });
  const release = content.toString('utf8');
  const folder = await mkdtemp(join(tmpdir(), 'ingot-index-'));
  try {
    for (const name of ['main/binary-amd64/Packages.xz', 'main/binary-amd64/Packages.gz']) {
      const expected = sha256Of(release, name);
      if (expected === undefined) continue;
      const file = join(folder, 'index');
      const { sha256 } = await download(`${base}/${name}`, file, { signal, maxBytes: LARGEST.compressed });
      if (sha256 !== expected) throw new Error(`${base}/${name} does not have the hash that its Release file names`);
      const reader = packageReader(names);
      const program = name.endsWith('.gz') ? 'gzip' : 'xz';
      await run([program, '--decompress', '--stdout'], {
        input: createReadStream(file),
        signal,
        onStdout: (chunk) => reader.read(chunk),
        maxOutput: LARGEST.text,
      });
      return reader.end();
    }
    throw new Error(`${base}/Release names no main/binary-amd64/Packages.xz or .gz`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
