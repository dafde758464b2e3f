/** Package indexes of systems with RPM, from the metadata of their repositories. Source: createrepo_c's formats. */
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { download, downloadSmall } from '../../platform/download.ts';
import { run } from '../../platform/processes.ts';
import type { PackageIndex } from './outdated.ts';
import { repositoryFile, rpmPackageReader, securityUpdateReader, type RpmReader } from './rpm-metadata.ts';
import { compareRpm } from './versions.ts';

/** A repository of a system. */
export interface RpmRepository {
  readonly name: string;
  /** URL of the folder with `repodata/`, or `mirrors`: of a list whose first line is that URL. */
  readonly base?: string;
  readonly mirrors?: string;
}

/** Limits in bytes. The largest primary metadata has 15 MB compressed, 200 MB as text. */
const LARGEST = { small: 4 << 20, compressed: 128 << 20, text: 1 << 30 };

/** Programs that unpack metadata, by the ending of its file. */
const UNPACK: Readonly<Record<string, string>> = { gz: 'gzip', xz: 'xz', zst: 'zstd', bz2: 'bzip2' };

/** The repositories of a system by the name in images (`osVersion`); `undefined` if it is not known. */
export function rpmRepositories(osVersion: string): readonly RpmRepository[] | undefined {
  if (osVersion === 'Amazon Linux 2023')
    return [
      {
        name: 'amazonlinux',
        mirrors: 'https://cdn.amazonlinux.com/al2023/core/mirrors/latest/x86_64/mirror.list',
      },
    ];
  const [, system, release] = /^(Rocky|AlmaLinux|CentOS Stream) (\d+)(?:\.\d+)?$/.exec(osVersion) ?? [];
  const base = {
    Rocky: `https://dl.rockylinux.org/pub/rocky/${release}`,
    AlmaLinux: `https://repo.almalinux.org/almalinux/${release}`,
    'CentOS Stream': `https://mirror.stream.centos.org/${release}-stream`,
  }[system ?? ''];
  if (base === undefined) return undefined;
  return ['BaseOS', 'AppStream'].map((name) => ({ name, base: `${base}/${name}/x86_64/os` }));
}

/** The indexes of repositories: what each has, and what of it is a security update. */
export async function rpmIndexes(
  repositories: readonly RpmRepository[],
  names: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly PackageIndex[]> {
  const found: PackageIndex[] = [];
  for (const repository of repositories) {
    const base = await baseOf(repository, signal);
    const { content } = await downloadSmall(`${base}/repodata/repomd.xml`, { signal, maxBytes: LARGEST.small });
    const list = content.toString('utf8');
    const read = (kind: string, reader: RpmReader): Promise<ReadonlyMap<string, string> | undefined> =>
      readFile(base, list, kind, reader, signal);
    const versions = await read('primary', rpmPackageReader(names));
    if (versions === undefined) throw new Error(`${base}/repodata/repomd.xml names no primary metadata`);
    found.push({ suite: repository.name, security: false, versions, compare: compareRpm });
    // Not every repository says which updates are for security.
    const security = await read('updateinfo', securityUpdateReader(names));
    if (security !== undefined)
      found.push({ suite: repository.name, security: true, versions: security, compare: compareRpm });
  }
  return found;
}

async function baseOf({ name, base, mirrors }: RpmRepository, signal: AbortSignal): Promise<string> {
  if (base !== undefined) return base.replace(/\/+$/, '');
  const { content } = await downloadSmall(mirrors!, { signal, maxBytes: LARGEST.small });
  const line = content
    .toString('utf8')
    .split('\n')
    .map((each) => each.trim())
    .find((each) => /^https?:\/\//.test(each));
  if (line === undefined) throw new Error(`${mirrors}, the mirrors of ${name}, names none`);
  return line.replace(/\/+$/, '');
}

/** Reads a file of the metadata whose hash is the one of `repomd.xml`; `undefined` if there is none of that kind. */
async function readFile(
  base: string,
  list: string,
  kind: string,
  reader: RpmReader,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string> | undefined> {
  const file = repositoryFile(list, kind);
  if (file === undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'ingot-index-'));
  try {
    const path = join(folder, 'index');
    const address = `${base}/${file.path}`;
    const { sha256 } = await download(address, path, { signal, maxBytes: LARGEST.compressed });
    if (sha256 !== file.sha256) throw new Error(`${address} does not have the hash that repomd.xml names`);
    const program = UNPACK[/\.(\w+)$/.exec(file.path)?.[1] ?? ''];
    const input = createReadStream(path);
    if (program === undefined) for await (const chunk of input) reader.read(chunk as Buffer);
    else
      await run([program, '-d', '-c'], {
        input,
        signal,
        onStdout: (chunk) => reader.read(chunk),
        maxOutput: LARGEST.text,
      });
    return reader.end();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
