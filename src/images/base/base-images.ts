/** The register of base images that are made here: one line each. README.md says how to add one. */
import type { DiskOrigin } from '../../catalog/engine-tables.ts';
import type { MakeBaseRequest } from './make-request.ts';
import { CONTAINER_DISK_SIZE, containerRecipe, makeContainerBase, type DebianContainer } from './debian-container.ts';
import { debianRecipe, makeDebianBase, missingForDebian, VIRTUAL_SIZE } from './debian.ts';
import { mirrorsFromEnvironment } from './debian-packages.ts';

export type { MakeBaseRequest } from './make-request.ts';

/** An image that Ingot makes or downloads on first use, as `arn:aws:imagebuilder:<region>:aws:image/<name>/x.x.x`. */
export interface BaseImage {
  readonly name: string;
  readonly description: string;
  /** Name of the operating system in images. */
  readonly osVersion: string;
  readonly platform: 'Linux';
  readonly architecture: 'x86_64';
  /** `DOCKER` for the disk of a container build with its parent image (default: `AMI`). */
  readonly type?: 'DOCKER';
  /** Who made the disk: Ingot, or others. */
  readonly origin: DiskOrigin;
  /** Virtual size in bytes, if known in advance. */
  readonly virtualSize?: number;
  /** What this host lacks for it, one sentence each with the fix. */
  readonly missing: () => readonly string[];
  /** Everything that determines its content, except the day: the key in this host's cache. */
  readonly recipe?: () => object;
  /** @throws {Error} with a message for the user */
  readonly make: (request: MakeBaseRequest) => Promise<void>;
}

/** Every base image by its name. */
export const baseImages: Readonly<Record<string, BaseImage>> = {
  'debian-12-x86': debian('debian-12-x86', 'bookworm', '12'),
  'debian-13-x86': debian('debian-13-x86', 'trixie', '13'),
};

/** Every base image for containers by its name: the disk of a container build with that parent on it. */
export const containerBases: Readonly<Record<string, BaseImage>> = {
  'debian-12': debianContainer('debian-12', '12', { release: 'bookworm', packages: ['ca-certificates'] }),
  'debian-12-slim': debianContainer('debian-12-slim', '12', { release: 'bookworm', packages: [] }),
  'debian-12-distroless': debianContainer('debian-12-distroless', '12', {
    release: 'bookworm',
    packages: ['base-files', 'netbase', 'tzdata', 'libssl3'],
    distroless: true,
  }),
  'debian-13': debianContainer('debian-13', '13', { release: 'trixie', packages: ['ca-certificates'] }),
};

/** The disk of a container build whose parent image comes from elsewhere. */
export const blankContainerDisk: BaseImage = container('container-disk', 'an empty disk for container builds', 'Linux');

/** The same, as a list. */
export const managedImages: readonly BaseImage[] = Object.values(baseImages);

function debianContainer(name: string, version: string, of: DebianContainer): BaseImage {
  const what = of.distroless
    ? `${of.packages.join(', ')} and CA certificates, without a shell`
    : ['its essential packages', ...of.packages].join(', ');
  return container(name, `Debian ${version} for containers: ${what}`, `Debian ${version}`, of);
}

function container(name: string, description: string, osVersion: string, of?: DebianContainer): BaseImage {
  return {
    name,
    description,
    osVersion,
    platform: 'Linux',
    architecture: 'x86_64',
    type: 'DOCKER',
    origin: 'made',
    virtualSize: CONTAINER_DISK_SIZE,
    missing: missingForDebian,
    recipe: () => containerRecipe(of),
    make: (request) => makeContainerBase(request, of),
  };
}

/** Versions of base images are the UTC day on which they were made: 2026-11-20 is `2026.11.20`. */
export function versionOf(date: Date): string {
  return `${date.getUTCFullYear()}.${date.getUTCMonth() + 1}.${date.getUTCDate()}`;
}

function debian(name: string, release: 'bookworm' | 'trixie', version: string): BaseImage {
  return {
    name,
    description: `Debian ${version} with cloud-init, sudo, sshd and a guest agent, made from Debian's packages`,
    osVersion: `Debian ${version}`,
    platform: 'Linux',
    architecture: 'x86_64',
    origin: 'made',
    virtualSize: VIRTUAL_SIZE,
    missing: missingForDebian,
    recipe: () => debianRecipe(release, mirrorsFromEnvironment(process.env)),
    async make({ env = process.env, ...request }) {
      await makeDebianBase({ ...request, release, mirrors: mirrorsFromEnvironment(env) });
    },
  };
}
