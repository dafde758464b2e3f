/** The register of base images that are made here: one line each. README.md says how to add one. */
import type { DiskOrigin } from '../../catalog/engine-tables.ts';
import type { NameSettings } from '../../platform/config/names.ts';
import type { HeldRecorder } from '../../platform/held.ts';
import type { Report } from '../../resources/progress.ts';
import { debianRecipe, makeDebianBase, missingForDebian, VIRTUAL_SIZE } from './debian.ts';
import { mirrorsFromEnvironment } from './debian-packages.ts';

/** What a maker of a base image gets. */
export interface MakeBaseRequest {
  /** The qcow2 file to make: uncompressed, complete or absent. */
  readonly target: string;
  /** A folder for this maker only, which makes and removes it. */
  readonly workDirectory: string;
  /** Environment that configures mirrors; default this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Mirrors of vendors' disks. */
  readonly vendors?: NameSettings['vendors'];
  readonly held: HeldRecorder;
  readonly report: Report;
  readonly signal?: AbortSignal;
}

/** An image that Ingot makes or downloads on first use, as `arn:aws:imagebuilder:<region>:aws:image/<name>/x.x.x`. */
export interface BaseImage {
  readonly name: string;
  readonly description: string;
  /** Name that images show. */
  readonly osVersion: string;
  readonly platform: 'Linux';
  readonly architecture: 'x86_64';
  /** Who made the disk: Ingot, or others. */
  readonly origin: DiskOrigin;
  /** Size for a machine in bytes, if known before. */
  readonly virtualSize?: number;
  /** What this host lacks for it: one sentence each, with the remedy. */
  readonly missing: () => readonly string[];
  /** Everything that determines its content, except the day: the key for the cache of this host. */
  readonly recipe?: () => object;
  /** @throws {Error} in words for the user */
  readonly make: (request: MakeBaseRequest) => Promise<void>;
}

/** Every base image by its name. */
export const baseImages: Readonly<Record<string, BaseImage>> = {
  'debian-12-x86': debian('debian-12-x86', 'bookworm', '12'),
  'debian-13-x86': debian('debian-13-x86', 'trixie', '13'),
};

/** The same, as a list. */
export const managedImages: readonly BaseImage[] = Object.values(baseImages);

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
