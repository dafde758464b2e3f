/** A fresh instance for `ingot toe`, deleted afterwards: over a base image, an AMI, an image or a file. */
import { open, stat } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { openCatalog, type Catalog } from '../../catalog/catalog.ts';
import { markFirstBoot } from '../../guest/first-boot.ts';
import { inWorkspace, sweepWorkspaces } from '../../instances/workspace.ts';
import { namedImages, suppliedImages } from '../../images/names/names.ts';
import { blankContainerDisk, containerBases } from '../../images/base/base-images.ts';
import { ensureBaseImage } from '../../images/base/ensure.ts';
import { createOverlay } from '../../images/disks.ts';
import { LayerStore } from '../../images/layer-store.ts';
import { sealedParent } from '../../images/parents.ts';
import { isContainerInstance } from '../../instances/buildah/driver.ts';
import { driverNamed } from '../../instances/launch.ts';
import type { Instance } from '../../instances/instance.ts';
import { NO_AMI, type InstanceMetadata, type InstanceRole } from '../../instances/services/metadata.ts';
import { timestamp } from '../../platform/clock.ts';
import { readConfig } from '../../platform/config/config.ts';
import { DEFAULT_ACCOUNT, loadCredentials, readCredentials } from '../../platform/credentials.ts';
import { takeDataDirectory } from '../../platform/data-directory.ts';
import { newInstanceId } from '../../platform/ids.ts';
import type { Reach } from '../../platform/network-rules.ts';
import type { Report } from '../../resources/progress.ts';
import { unpackImage } from '../../workflows/containers/build-parts.ts';
import { parentSource } from '../../workflows/containers/parent-source.ts';
import { CommandFailed, WrongUse } from '../command.ts';

/** The requested instance. */
export interface FreshInstance {
  /** `nspawn`, `qemu`, or `CONTAINER_DRIVER`. */
  readonly driver: string;
  /**
   * For a container: a base, an image's ARN, or a name in a registry. Otherwise a base image's name, an AMI, an image's
   * ARN, or the path of a qcow2 file (default: the default base image).
   */
  readonly image: string | undefined;
  readonly dataDirectory: string;
  readonly region: string;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** What it can reach. */
  readonly reach: Reach;
  /** The profile whose credentials its metadata service has (default: none). */
  readonly role?: InstanceRole;
}

/** Drivers that documents can run on. */
export const FRESH_DRIVERS = ['nspawn', 'qemu'] as const;
/** The driver for containers of an image. */
export const CONTAINER_DRIVER = 'buildah';
const DEFAULT_IMAGE = 'debian-12-x86';
const MEMORY_MIB = 2048;
/** Its instance type in the metadata service, which has this much memory. */
const INSTANCE_TYPE = 't3.small';
const QCOW2 = Buffer.from('QFI\xfb', 'latin1');

/**
 * Gives `work` a fresh instance and always terminates it.
 * @throws {CommandFailed} if this host cannot run one
 */
export async function inFreshInstance<T>(fresh: FreshInstance, work: (instance: Instance) => Promise<T>): Promise<T> {
  const driver = driverNamed(fresh.driver);
  const missing = await driver.missing();
  if (missing.length > 0)
    throw new CommandFailed(`this host cannot run a ${fresh.driver} instance: ${missing.join(' ')}`);
  await sweepWorkspaces();
  return inWorkspace(
    async ({ files, directory, held, owner }) =>
      withDisk(fresh, owner.owner, async (base, unpack) => {
        const id = newInstanceId();
        const disk = join(files, 'disk.qcow2');
        await createOverlay(base, disk);
        const started = performance.now();
        const metadata = await metadataOf(fresh);
        const instance = await driver.launch({
          metadata,
          reach: fresh.reach,
          id,
          disk,
          held,
          allocationOwner: owner,
          signal: fresh.signal,
          directory: `${directory}/i`,
          cpus: Math.min(4, cpus().length),
          memoryMiB: Math.min(MEMORY_MIB, Math.floor(totalmem() / 2 ** 21)),
          report: ({ text, level, stream }) => {
            if (stream === undefined) fresh.report({ type: 'log', text, level });
          },
        });
        try {
          fresh.report({
            type: 'log',
            text: `the instance (${fresh.driver}) is up after ${((performance.now() - started) / 1000).toFixed(1)} s`,
          });
          if (unpack === undefined) await markFirstBoot(instance, metadata, fresh.signal);
          else await unpack(instance);
          return await work(instance);
        } finally {
          await instance.terminate();
        }
      }),
    'toe',
  );
}

/** The content of its metadata service. */
async function metadataOf({ dataDirectory, region, image, role }: FreshInstance): Promise<InstanceMetadata> {
  // A user who cannot read them gets the default account.
  const credentials = await readCredentials(dataDirectory).catch(() => undefined);
  return {
    account: credentials?.account ?? DEFAULT_ACCOUNT,
    region,
    imageId: image?.startsWith('ami-') ? image : NO_AMI,
    instanceType: INSTANCE_TYPE,
    launched: timestamp(),
    tokens: 'required',
    role,
  };
}

/** Finds the instance's parent disk, and keeps it from being collected meanwhile. */
async function withDisk<T>(
  fresh: FreshInstance,
  owner: string,
  work: (path: string, unpack?: (instance: Instance) => Promise<void>) => Promise<T>,
): Promise<T> {
  if (fresh.driver === CONTAINER_DRIVER) return withContainerDisk(fresh, owner, work);
  const image = fresh.image ?? DEFAULT_IMAGE;
  const reference = Object.hasOwn(suppliedImages, image)
    ? `arn:aws:imagebuilder:${fresh.region}:aws:image/${image}/x.x.x`
    : image;
  if (!/^(?:ami-|arn:)/.test(reference)) return work(await diskFile(reference));
  return withCatalog(fresh, owner, async (catalog, layers) => {
    const { account } = await loadCredentials(fresh.dataDirectory);
    const { report, signal, region, dataDirectory } = fresh;
    const parent = await sealedParent({
      reference,
      region,
      account,
      catalog,
      layers,
      arn: owner,
      dataDirectory,
      report,
      signal,
    }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new CommandFailed((error as Error).message.replace(/^parent image /, '--image '));
    });
    if (parent.layer.origin === 'untrusted' && !driverNamed(fresh.driver).capabilities.kernel) {
      throw new CommandFailed(
        `${image} is an imported disk, whose file systems this host does not mount: use a virtual machine (--on qemu)`,
      );
    }
    const { foreignId } = parent.layer;
    if (foreignId !== undefined && !driverNamed(fresh.driver).capabilities.kernel) {
      throw new CommandFailed(
        `on the disk of ${image} ${foreignId}, which a container does not have: use a virtual machine (--on qemu)`,
      );
    }
    return work(parent.layer.path);
  });
}

/** Gives `work` the disk of a container, and what makes its image ready on it. */
async function withContainerDisk<T>(
  fresh: FreshInstance,
  owner: string,
  work: (path: string, unpack: (instance: Instance) => Promise<void>) => Promise<T>,
): Promise<T> {
  const { region, dataDirectory, report, signal } = fresh;
  const image = fresh.image!;
  return withCatalog(fresh, owner, async (catalog, layers) => {
    const { account } = await loadCredentials(dataDirectory);
    const reference = Object.hasOwn(containerBases, image)
      ? `arn:aws:imagebuilder:${region}:aws:image/${image}/x.x.x`
      : image;
    const refuse = (error: unknown): never => {
      signal.throwIfAborted();
      throw new CommandFailed(`--on container:${image}: ${(error as Error).message}`);
    };
    const { db, managed } = catalog;
    const source = await parentSource(reference, { db, managed, account, region }).catch(refuse);
    if (source.kind === 'scratch') throw new WrongUse("invalid value 'container:scratch' for --on: it has no program");
    const disk = source.kind === 'base' ? containerBases[source.name]! : blankContainerDisk;
    const { layer } = await ensureBaseImage(disk, { catalog, layers, dataDirectory, report, signal }).catch(refuse);
    await layers.use(layer.id, owner);
    return work(layer.path, async (instance) => {
      if (!isContainerInstance(instance)) return;
      await unpackImage(instance, source, { dataDirectory, account, report, signal }).catch(refuse);
    });
  });
}

/** Opens the catalog, and releases what `owner` used of it. */
async function withCatalog<T>(
  { dataDirectory }: FreshInstance,
  owner: string,
  work: (catalog: Catalog, layers: LayerStore) => Promise<T>,
): Promise<T> {
  takeDataDirectory(dataDirectory);
  const catalog = await openCatalog(dataDirectory, {
    managedImages: namedImages,
    names: (await readConfig(dataDirectory)).names,
  });
  const layers = new LayerStore(catalog, dataDirectory);
  try {
    return await work(catalog, layers);
  } finally {
    await layers.release(owner);
    await catalog.close();
  }
}

/** @throws {WrongUse} if it is not a qcow2 file: the format is never detected from content, which could fake it */
async function diskFile(path: string): Promise<string> {
  const absolute = resolve(path);
  const found = await stat(absolute).catch(() => undefined);
  if (found?.isFile() !== true)
    throw new WrongUse(
      `invalid value '${path}' for --image: expected a base image (${Object.keys(suppliedImages).join(', ')}), an ` +
        'AMI ID (ami-…), an image ARN or a file',
    );
  const file = await open(absolute, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    if (!buffer.equals(QCOW2))
      throw new WrongUse(`--image ${path} is not a qcow2 file; convert it with qemu-img convert -O qcow2`);
    return absolute;
  } finally {
    await file.close();
  }
}
