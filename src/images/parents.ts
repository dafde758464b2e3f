/** Resolves a recipe's parent image to the layer below its build instance. */
import { amiOnRecord, ownAmiOfImage } from '../catalog/amis.ts';
import { mayUse } from '../catalog/ami-sharing.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { parentMeaning } from '../catalog/parent-names.ts';
import { resolveImage } from '../catalog/resolve.ts';
import { checkShared, NotSharedError } from '../catalog/sharing.ts';
import type { Report } from '../resources/progress.ts';
import { ensureBaseImage } from './base/ensure.ts';
import type { LayerStore, SealedLayer } from './layer-store.ts';
import { suppliedImages } from './names/names.ts';

/** A resolved parent image. */
export interface ParentImage {
  readonly layer: SealedLayer;
  readonly osVersion: string | undefined;
  /** Description for the log. */
  readonly description: string;
}

/** Where to look for a parent image. */
export interface ParentRequest {
  /** `ami-…`, `ssm:…`, or an image ARN with or without wildcards, of this account or of `aws`. */
  readonly reference: string;
  readonly region: string;
  readonly account: string;
  readonly catalog: Catalog;
  readonly layers: LayerStore;
  /** ARN of the image that is built, which is recorded as the user of the layer until it is released. */
  readonly arn: string;
  readonly dataDirectory: string;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/**
 * Finds a parent image; makes or downloads a missing base image.
 * @throws {Error} if it does not exist, with what was searched
 */
export async function sealedParent(request: ParentRequest): Promise<ParentImage> {
  const { catalog, account, region } = request;
  const meaning = await parentMeaning(catalog.db, catalog.managed, request.reference, { account, region });
  for (const step of meaning.via) request.report({ type: 'log', text: `parent image: ${step}` });
  if (meaning.kind === 'none') throw new Error(`parent image ${request.reference}: ${meaning.why}`);
  if (meaning.kind === 'ami') {
    const ami = await amiOnRecord(catalog.db, meaning.id);
    if (ami !== undefined && !mayUse(ami, account, catalog.managed.settings.organizations)) {
      throw new Error(`parent image ${request.reference}: no AMI ${meaning.id} is available in ${region}`);
    }
    return fromAmi(request, meaning.id);
  }
  if (meaning.kind === 'managed') {
    const base = suppliedImages[meaning.image.name];
    if (base === undefined)
      throw new Error(
        `parent image ${request.reference}: no base image '${meaning.image.name}'; there are: ` +
          `${Object.keys(suppliedImages).join(', ')}`,
      );
    const made = await ensureBaseImage(base, request);
    return { layer: made.layer, osVersion: base.osVersion, description: `base image ${base.name} ${made.version}` };
  }
  try {
    await checkShared(catalog, { account, region }, 'imagebuilder:GetImage', meaning.arn, catalog.db);
  } catch (error) {
    if (!(error instanceof NotSharedError)) throw error;
    throw new Error(`parent image ${request.reference}: ${error.message}`, { cause: error });
  }
  const arn = await resolveImage(catalog.db, meaning.arn);
  if (arn === undefined) throw new Error(`parent image ${request.reference}: no build of ${meaning.arn} is AVAILABLE`);
  const ami = await ownAmiOfImage(catalog.db, arn, region);
  if (ami === undefined)
    throw new Error(`parent image ${request.reference}: ${arn} has no AMI in ${region} (any more)`);
  return fromAmi(request, ami.id);
}

async function fromAmi(request: ParentRequest, id: string): Promise<ParentImage> {
  const taken = await request.layers.takeAmi(id, request.region, request.arn);
  if (taken === undefined) {
    const record = await amiOnRecord(request.catalog.db, id);
    const why =
      record?.region === request.region && record.state === 'deregistered'
        ? `the AMI ${id} was deregistered`
        : `no AMI ${id} is available in ${request.region}`;
    throw new Error(`parent image ${request.reference}: ${why}`);
  }
  const { ami, layer } = taken;
  return { layer, osVersion: ami.os_version ?? undefined, description: `${id} (${ami.name})` };
}
