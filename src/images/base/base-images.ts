/** The register of base images that are made here: one line each. README.md says how to add one. */
import type { DiskOrigin } from '../../catalog/engine-tables.ts';
import type { NameSettings } from '../../platform/config/names.ts';
import type { HeldRecorder } from '../../platform/held.ts';
import type { Report } from '../../resources/progress.ts';
import { debianRecipe, makeDebianBase, missingForDebian, VIRTUAL_SIZE } from './debian.ts';
import { mirrorsFromEnvironment } from './debian-packages.ts';

/** What is needed to make a base image. */
export interface MakeBaseRequest {
  /** The qcow2 file to make: uncompressed, complete or absent. */
  readonly target: string;
  /** A folder for this only; the maker makes it and removes it. */
  readonly workDirectory: string;
  /** Where mirrors are configured; default this process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Mirrors of vendors' disks. */
  readonly vendors?: NameSettings['vendors'];
  readonly held: HeldRecorder;
  readonly report: Report;
  readonly signal?: AbortSignal;
}

/** An image that comes to be here when it is first used, as `arn:aws:imagebuilder:<region>:aws:image/<name>/x.x.x`. */
export interface BaseImage {
  readonly name: string;
  readonly description: string;
  /** As images show it. */
  readonly osVersion: string;
  readonly platform: 'Linux';
  readonly architecture: 'x86_64';
  /** Whose disk it is: one of Ingot's making, or of others. */
  readonly origin: DiskOrigin;
  /** Bytes that a machine sees, where that is known before. */
  readonly virtualSize?: number;
  /** What this host lacks for making it: one sentence each, with the remedy. */
  readonly missing: () => readonly string[];
  /** All that its content comes from, but for the day: for what is kept for other data directories of this host. */
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

/** Base images are versioned by the day they were made: 2026-11-20 is `2026.11.20`. The day is UTC's. */
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
