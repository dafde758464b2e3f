/**
 * Makes the disk of a container build: one ext4 file system for buildah's storage. The parent image is on it as an OCI
 * layout below `/import`, made from Debian's packages by mmdebstrap; a disk for parents from elsewhere has none.
 */
import { createHash } from 'node:crypto';
import { mkdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256OfFile, syncDirectory, syncFile } from '../../platform/files.ts';
import { release } from '../../platform/held.ts';
import { run } from '../../platform/processes.ts';
import { readScript } from '../../platform/scripts.ts';
import { partitionTypes } from '../partitions.ts';
import type { MakeBaseRequest } from './make-request.ts';
import { missingForDebian } from './debian.ts';
import { runMmdebstrap } from './debian-mmdebstrap.ts';
import { debianSources, mirrorsFromEnvironment } from './debian-packages.ts';

/** A container base that is made from Debian's packages. */
export interface DebianContainer {
  readonly release: 'bookworm' | 'trixie';
  /** Packages besides the essential ones and apt. */
  readonly packages: readonly string[];
  /** Only these packages with the libraries that they need, and CA certificates: no shell, no package manager. */
  readonly distroless?: true;
}

/** Virtual size of a build's disk in bytes. The file is sparse: only what is written takes space. */
export const CONTAINER_DISK_SIZE = 16 * 1024 ** 3;
/** Directory on a build's disk with the parent image, if the disk has one. */
export const IMPORT_FOLDER = 'import';

const DISTROLESS = readScript(import.meta.url, 'distroless.sh');
const MIB = 1024 ** 2;
const SECTOR = 512;
/** Files that no image needs: documentation, except licence texts that must be kept. */
const LEFT_OUT = ['/usr/share/man/*', '/usr/share/info/*', '/usr/share/doc/*', '/usr/share/locale/*'];

/** Everything that determines the content of such a disk, except the day. */
export function containerRecipe(container: DebianContainer | undefined): object {
  return {
    recipe: 1,
    kind: 'container',
    size: CONTAINER_DISK_SIZE,
    ...container,
    ...(container === undefined
      ? {}
      : { sources: debianSources(container.release, mirrorsFromEnvironment(process.env)) }),
    leftOut: LEFT_OUT,
  };
}

/**
 * Makes the disk.
 * @param container absent for a disk without a parent image
 * @throws {Error} with a message for the user
 */
export async function makeContainerBase(
  request: MakeBaseRequest,
  container: DebianContainer | undefined,
): Promise<void> {
  const lacking = missingForDebian();
  if (lacking.length > 0) throw new Error(`a base image cannot be made on this host: ${lacking.join('; ')}`);
  const { workDirectory, held, report, signal } = request;
  const work = await held.record({ kind: 'path', path: workDirectory });
  const partial = await held.record({ kind: 'path', path: `${request.target}.partial` });
  try {
    await rm(workDirectory, { recursive: true, force: true });
    await mkdir(workDirectory, { recursive: true, mode: 0o700 });
    await mkdir(dirname(request.target), { recursive: true, mode: 0o700 });
    const tree = join(workDirectory, 'disk');
    await mkdir(tree, { mode: 0o755 });
    if (container !== undefined) {
      const layer = join(workDirectory, 'layer.tar');
      await installPackages(request, container, layer);
      report({ type: 'log', text: 'writing the disk' });
      await writeLayout(join(tree, IMPORT_FOLDER), layer, container);
    }
    const disk = join(workDirectory, 'disk.raw');
    await writeDisk(tree, disk, signal);
    await run(['qemu-img', 'convert', '-q', '-W', '-f', 'raw', '-O', 'qcow2', disk, `${request.target}.partial`], {
      signal,
      files: 'private',
    });
    await syncFile(`${request.target}.partial`);
    await rename(`${request.target}.partial`, request.target);
    await syncDirectory(dirname(request.target));
  } finally {
    await release(held, partial);
    await release(held, work);
  }
}

async function installPackages(
  { workDirectory, held, report, signal, env = process.env }: MakeBaseRequest,
  { release: suite, packages, distroless }: DebianContainer,
  target: string,
): Promise<void> {
  if (distroless) {
    await runMmdebstrap(
      { workDirectory, suite, mirrors: mirrorsFromEnvironment(env), held, report, signal },
      [
        ...['--variant=extract', '--format=tar', `--include=${packages.join(',')}`],
        ...['--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr', `--extract-hook=${DISTROLESS}`],
      ],
      target,
    );
    return;
  }
  await runMmdebstrap(
    { workDirectory, suite, mirrors: mirrorsFromEnvironment(env), held, report, signal },
    [
      '--variant=minbase',
      '--format=tar',
      ...LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`),
      '--dpkgopt=path-include=/usr/share/doc/*/copyright',
      '--customize-hook=rm -f "$1/etc/resolv.conf" "$1/etc/hostname" "$1/etc/machine-id"',
      '--customize-hook=rm -rf "$1/var/log/"*.log "$1/var/log/apt/"* "$1/var/cache/ldconfig/aux-cache"',
      // As in Debian's own images: no service starts while packages are installed, and no package archives are kept.
      '--customize-hook=printf "#!/bin/sh\\nexit 101\\n" >"$1/usr/sbin/policy-rc.d"; ' +
        'chmod 755 "$1/usr/sbin/policy-rc.d"',
      '--customize-hook=printf "DPkg::Post-Invoke { \\"rm -f /var/cache/apt/archives/*.deb || true\\"; };\\n" ' +
        '>"$1/etc/apt/apt.conf.d/docker-clean"',
      ...(packages.length === 0 ? [] : [`--include=${packages.join(',')}`]),
    ],
    target,
  );
}

/** Writes an image with one layer as an OCI layout. Moves the layer there. */
async function writeLayout(folder: string, layer: string, { distroless }: DebianContainer): Promise<void> {
  const blobs = join(folder, 'blobs/sha256');
  await mkdir(blobs, { recursive: true, mode: 0o755 });
  const put = async (value: object): Promise<{ readonly digest: string; readonly size: number }> => {
    const text = JSON.stringify(value);
    const digest = createHash('sha256').update(text).digest('hex');
    await writeFile(join(blobs, digest), text);
    return { digest: `sha256:${digest}`, size: Buffer.byteLength(text) };
  };
  const digest = await sha256OfFile(layer);
  const { size } = await stat(layer);
  await rename(layer, join(blobs, digest));
  const created = new Date().toISOString();
  const config = await put({
    architecture: 'amd64',
    os: 'linux',
    created,
    config: {
      ...(distroless ? {} : { Cmd: ['/bin/bash'] }),
      Env: [
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        ...(distroless ? ['SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt'] : []),
      ],
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
    history: [{ created, created_by: 'mmdebstrap' }],
  });
  const manifest = await put({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${digest}`, size }],
  });
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  await writeFile(
    join(folder, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', ...manifest }],
    }),
  );
}

/** Writes a GPT with one partition, whose ext4 file system contains the tree. */
async function writeDisk(tree: string, disk: string, signal: AbortSignal | undefined): Promise<void> {
  await writeFile(disk, '');
  await truncate(disk, CONTAINER_DISK_SIZE);
  await run(['sfdisk', '--quiet', '--no-reread', disk], {
    signal,
    input: `label: gpt\nstart=${MIB / SECTOR}, type=${partitionTypes.linuxRootX8664}, name=root\n`,
  });
  await run(
    [
      'mkfs.ext4',
      '-q',
      '-F',
      '-L',
      'containers',
      '-m',
      '0',
      '-E',
      `offset=${MIB},nodiscard,assume_storage_prezeroed=1`,
      '-d',
      tree,
      disk,
      // sfdisk keeps the last MiB for alignment and the backup table.
      `${(CONTAINER_DISK_SIZE - 2 * MIB) / 1024}k`,
    ],
    { signal },
  );
}
