/** Files of `layers/` and `regions/` without a record. Pure. */
import type { Ami } from '../catalog/amis.ts';
import type { Layer } from '../catalog/layers.ts';
import { DATA_NAMES } from '../platform/data-layout.ts';

const OF_LAYER = /^(lay-[0-9a-f]{17})(?:-flat)?\.qcow2(?:\.partial)?$/;
const OF_AMI = /^([^/]+)\/(ami-[0-9a-f]{17})\.(qcow2|json)(\.partial(?:-\d+)?)?$/;

/**
 * Files with names of Ingot's form that belong to no layer or AMI. Files with other names are not Ingot's.
 * @param paths relative to the data directory
 * @param held files in use, such as copies that are written before their AMI exists
 */
export function strayFiles(
  paths: readonly string[],
  layers: readonly Pick<Layer, 'id' | 'path'>[],
  amis: readonly Pick<Ami, 'id' | 'region' | 'state' | 'layer_id'>[],
  held: ReadonlySet<string>,
): readonly string[] {
  const layerIds = new Set(layers.map(({ id }) => id));
  const disks = new Set(layers.map(({ path }) => path));
  const live = new Set(
    amis
      .filter(({ state, layer_id }) => state !== 'deregistered' && (state !== 'failed' || layer_id !== null))
      .map(({ id, region }) => `${region}/${id}`),
  );
  return paths.filter((path) => {
    if (disks.has(path) || held.has(path)) return false;
    // By the layer, not by the file: while a chain is merged, its top has a second file with the same name.
    const layer = OF_LAYER.exec(inFolder(path, DATA_NAMES.layers))?.[1];
    if (layer !== undefined) return !layerIds.has(layer);
    const [, region, ami] = OF_AMI.exec(inFolder(path, DATA_NAMES.regions)) ?? [];
    return ami !== undefined && !live.has(`${region}/${ami}`);
  });
}

/** The path within a directory of the data directory; empty if it is outside of it. */
function inFolder(path: string, folder: string): string {
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : '';
}
