/** The content of a vendor's file in this directory. README.md says how to add one. */
import type { VendorDisk } from '../publishers/vendor-disk.ts';

/** The source of the disk for a name. */
type Supply =
  /** Ingot makes it; `images/base/` has its maker under the same name. */
  | { readonly kind: 'made' }
  /** Ingot downloads it from its vendor on first use. */
  | { readonly kind: 'fetched'; readonly disk: VendorDisk }
  /** The user has to import it, or to map the name. `why` is a sentence. */
  | { readonly kind: 'refused'; readonly why: string; readonly canRun: boolean };

/** A name in users' files: `arn:aws:imagebuilder:<region>:aws:image/<name>/x.x.x`. */
export interface ParentName {
  readonly name: string;
  /** Name of the operating system in images: `Ubuntu 24.04`. */
  readonly osVersion: string;
  readonly platform: 'Linux' | 'Windows' | 'macOS';
  /** Names of container images have the same form. */
  readonly type: 'AMI' | 'DOCKER';
  readonly supply: Supply;
  /** The name of a container image in a registry. */
  readonly registry?: string;
  /** Public parameters of Systems Manager for the same system. */
  readonly parameters?: readonly string[];
}

/** The names of one vendor's systems. */
export interface NameSource {
  readonly vendor: string;
  readonly names: readonly ParentName[];
}

/** The reason for rejecting another processor. */
const OTHER_PROCESSOR = 'It is for ARM processors; instances here are x86-64, like this host.';

/** A Linux or Windows system whose disk may not be downloaded, or that cannot run here. */
export function refused(
  name: string,
  osVersion: string,
  why: string,
  platform: ParentName['platform'] = 'Linux',
): ParentName {
  return { name, osVersion, platform, type: 'AMI', supply: { kind: 'refused', why, canRun: true } };
}

/** A system that cannot run here, even after an import. */
export function cannotRun(
  name: string,
  osVersion: string,
  why: string,
  platform: ParentName['platform'] = 'Linux',
): ParentName {
  return { name, osVersion, platform, type: 'AMI', supply: { kind: 'refused', why, canRun: false } };
}

/** The same for ARM. */
export function forArm(name: string, osVersion: string, platform: ParentName['platform'] = 'Linux'): ParentName {
  return cannotRun(name, osVersion, OTHER_PROCESSOR, platform);
}

/** A container image, which container recipes name by its registry. */
export function container(
  name: string,
  osVersion: string,
  reference: string,
  platform: ParentName['platform'] = 'Linux',
): ParentName {
  return {
    name,
    osVersion,
    platform,
    type: 'DOCKER',
    supply: {
      kind: 'refused',
      why: `It is a container image: a container recipe names it as '${reference}'.`,
      canRun: false,
    },
    registry: reference,
  };
}
