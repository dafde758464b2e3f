/** The register of managed image names: one line for each vendor. README.md says how to add one. */
import type { ManagedImage } from '../../catalog/managed.ts';
import { type BaseImage, baseImages, containerBases } from '../base/base-images.ts';
import { vendorImage } from '../publishers/vendor-image.ts';
import { amazonLinux } from './amazon-linux.ts';
import { debian } from './debian.ts';
import { macOs } from './macos.ts';
import type { NameSource, ParentName } from './name.ts';
import { redHat } from './red-hat.ts';
import { rocky } from './rocky.ts';
import { suse } from './suse.ts';
import { ubuntu } from './ubuntu.ts';
import { windows } from './windows.ts';

/** All vendors. */
export const nameSources: readonly NameSource[] = [amazonLinux, debian, macOs, redHat, rocky, suse, ubuntu, windows];

/** All names. */
export const parentNames: readonly ParentName[] = nameSources.flatMap(({ names }) => names);

/** The names in the catalogue's form, for the API. */
export const namedImages: readonly ManagedImage[] = parentNames.map(
  ({ name, osVersion, platform, type, supply, registry, parameters = [] }) => ({
    name,
    osVersion,
    platform,
    type,
    parameters,
    ...(registry === undefined ? {} : { registry }),
    supply: supply.kind,
    diskBytes: baseImages[name]?.virtualSize,
    ...(supply.kind === 'refused' ? { refusal: supply.why, canRun: supply.canRun } : {}),
  }),
);

/** Every image that Ingot makes or downloads automatically, by name. */
export const suppliedImages: Readonly<Record<string, BaseImage>> = {
  ...baseImages,
  ...containerBases,
  ...Object.fromEntries(
    parentNames.flatMap((each) =>
      each.supply.kind === 'fetched' ? [[each.name, vendorImage(each.name, each.osVersion, each.supply.disk)]] : [],
    ),
  ),
};
