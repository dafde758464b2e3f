/** From what a recipe calls its parent image to the layer that lies below its build instance. */
import { amiOnRecord, amisOfImage } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { resolveImage } from '../catalog/resolve.ts';
import type { Report } from '../resources/progress.ts';
import { baseImages } from './base/base-images.ts';
import { ensureBaseImage } from './base/ensure.ts';
import type { LayerStore, SealedLayer } from './layer-store.ts';

/** A parent image, found. */
export interface ParentImage {
  readonly layer: SealedLayer;
  readonly osVersion: string | undefined;
  /** What it turned out to be, for the log. */
  readonly description: string;
}

/** Where to look. */
export interface ParentRequest {
  /** `ami-…`, or an image ARN with or without wildcards, of this account or of `aws`. */
  readonly reference: string;
  readonly region: string;
  readonly account: string;
  readonly catalog: Catalog;
  readonly layers: LayerStore;
  /** ARN of the image that is worked on: the layer is noted as used by it, until it is released. */
  readonly arn: string;
  readonly dataDirectory: string;
  readonly report: Report;
  readonly signal: AbortSignal;
}

const MANAGED = /^arn:[^:]+:imagebuilder:[^:]+:aws:image\/([^/]+)\//;

/**
 * Finds a parent image; a base image that is not there yet is made.
 * @throws {Error} when there is none, naming what was looked for
 */
export async function sealedParent(request: ParentRequest): Promise<ParentImage> {
  const managed = MANAGED.exec(request.reference)?.[1];
  if (managed !== undefined) {
    const base = baseImages[managed];
    if (base === undefined) throw new Error(`parent image ${request.reference}: no base image '${managed}'; there are: ${Object.keys(baseImages).join(', ')}`);
    const made = await ensureBaseImage(base, request);
    return { layer: made.layer, osVersion: base.osVersion, description: `base image ${managed} ${made.version}` };
  }
  if (request.reference.startsWith('ami-')) return fromAmi(request, request.reference);
  if (request.reference.startsWith('arn:')) {
    const arn = await resolveImage(request.catalog.db, request.reference);
    if (arn === undefined) throw new Error(`parent image ${request.reference}: there is no available build of it`);
    const ami = (await amisOfImage(request.catalog.db, arn)).find((each) => each.region === request.region);
    if (ami === undefined) throw new Error(`parent image ${request.reference}: ${arn} has no AMI in ${request.region} (any more)`);
    return fromAmi(request, ami.id);
  }
  throw new Error(`parent image ${request.reference}: neither an AMI id nor an image ARN`);
}

async function fromAmi(request: ParentRequest, id: string): Promise<ParentImage> {
  const taken = await request.layers.takeAmi(id, request.region, request.arn);
  if (taken === undefined) {
    const record = await amiOnRecord(request.catalog.db, id);
    const why = record?.region === request.region && record.state === 'deregistered' ? `the AMI ${id} was deregistered` : `no AMI ${id} is available in ${request.region}`;
    throw new Error(`parent image ${request.reference}: ${why}`);
  }
  const { ami, layer } = taken;
  return { layer, osVersion: ami.os_version ?? undefined, description: `${id} (${ami.name})` };
}
