/** The register of stores: one line each. README.md says how to add one. */
import { readConfig, type Config } from '../platform/config/config.ts';
import { DEFAULT_REGION, type RegionSettings } from '../platform/config/regions.ts';
import { regionFolder } from '../platform/data-layout.ts';
import { regionFault } from '../resources/regions.ts';
import { folder } from './directory/folder.ts';
import { ec2Store } from './ec2/ec2-store.ts';
import { layeredStore } from './layered/layered-store.ts';
import { bucket } from './s3/bucket.ts';
import type { Store } from './store.ts';

/** Every kind of store by its name. */
const stores: {
  readonly [Kind in RegionSettings['store']]: (
    settings: Extract<RegionSettings, { store: Kind }>,
    place: { readonly dataDirectory: string; readonly region: string },
  ) => Store;
} = {
  directory: (settings, { dataDirectory, region }) =>
    layeredStore(folder(settings.path ?? regionFolder(dataDirectory, region))),
  s3: (settings, { region }) => layeredStore(bucket(settings, region)),
  ec2: (settings, { region }) => ec2Store(settings, region),
};

/** The store of a Region. */
export interface RegionStore {
  readonly settings: RegionSettings;
  /** Whether `config.yaml` names it: otherwise it is a folder of the data directory. */
  readonly configured: boolean;
  /** Of flat copies. */
  readonly directory: string;
  readonly store: Store;
}

/** The store of a Region, as `config.yaml` has it now. @throws {Error} for an invalid name */
export async function storeOf(dataDirectory: string, region: string): Promise<RegionStore> {
  return storeIn(await readConfig(dataDirectory), dataDirectory, region);
}

/** As `storeOf`, for a configuration that was read. */
export function storeIn({ regions }: Pick<Config, 'regions'>, dataDirectory: string, region: string): RegionStore {
  const fault = regionFault(region);
  if (fault !== undefined) throw new Error(fault);
  const configured = Object.hasOwn(regions, region);
  const settings = configured ? regions[region]! : DEFAULT_REGION;
  const path = settings.store === 'directory' ? settings.path : undefined;
  return {
    settings,
    configured,
    directory: path ?? regionFolder(dataDirectory, region),
    store: (stores[settings.store] as (typeof stores)['directory'])(settings as never, { dataDirectory, region }),
  };
}
