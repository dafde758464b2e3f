/** What a vendor's file in this folder says. README.md says how to add one. */
import type { VendorDisk } from '../publishers/vendor-disk.ts';

/** How the disk behind a name comes to be here. */
type Supply =
  /** Ingot makes it: `images/base/` has its maker under the same name. */
  | { readonly kind: 'made' }
  /** It is fetched from its vendor when it is first used. */
  | { readonly kind: 'fetched'; readonly disk: VendorDisk }
  /** The user has to bring it, or to name another. `why` is a sentence. */
  | { readonly kind: 'refused'; readonly why: string; readonly canRun: boolean };

/** A name that people's files have as `arn:aws:imagebuilder:<region>:aws:image/<name>/x.x.x`. */
export interface ParentName {
  readonly name: string;
  /** As images show it: `Ubuntu 24.04`. */
  readonly osVersion: string;
  readonly platform: 'Linux' | 'Windows' | 'macOS';
  /** Container images have names of the same kind. */
  readonly type: 'AMI' | 'DOCKER';
  readonly supply: Supply;
  /** Public parameters of Systems Manager that name the same system. */
  readonly parameters?: readonly string[];
}

/** The names of one vendor's systems. */
export interface NameSource {
  readonly vendor: string;
  readonly names: readonly ParentName[];
}

/** What is said of a system for another processor. */
const OTHER_PROCESSOR = 'It is for ARM processors; instances here are x86-64, like this host.';

/** A Linux or Windows system as a disk that nobody may fetch, or that cannot run here. */
export function refused(
  name: string,
  osVersion: string,
  why: string,
  platform: ParentName['platform'] = 'Linux',
): ParentName {
  return { name, osVersion, platform, type: 'AMI', supply: { kind: 'refused', why, canRun: true } };
}

/** A system that cannot run here, whoever brings its disk. */
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

/** A container image: a container recipe names it by its registry. */
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
  };
}
