/** Resolves a recipe's `parentImage`, as far as possible before a build. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { amisOfImage, findAmi, wasDeregistered } from '../../catalog/amis.ts';
import { mayUse } from '../../catalog/ami-sharing.ts';
import { getImage } from '../../catalog/images.ts';
import { getLayer, newestBaseImage } from '../../catalog/layers.ts';
import type { ManagedImage } from '../../catalog/managed.ts';
import { parentMeaning } from '../../catalog/parent-names.ts';
import { resolveImage } from '../../catalog/resolve.ts';
import { checkShared, NotSharedError } from '../../catalog/sharing.ts';
import { nearestFirst } from '../../documents/nearest.ts';
import { parseArn } from '../../resources/arns.ts';
import { invalidParameterValue } from '../../resources/errors.ts';
import type { BuildContext } from '../context.ts';
import { isVisible, placeOf } from './common.ts';

/** A resolved parent image. */
export interface ParentImage {
  readonly platform: 'Linux' | 'Windows' | 'macOS';
  readonly osVersion?: string | undefined;
  /**
   * Size of its disk in bytes, the minimum for a root volume. `undefined` if it is not known yet, or if others made the
   * disk: Amazon's own disk of Amazon Linux 2023 has 25 GiB, its AMI 8.
   */
  readonly diskBytes: () => Promise<number | undefined>;
}

/**
 * Finds a parent image: an `aws` name or a parameter, an AMI, an image of the caller (with wildcards: its latest
 * available build), or one that another account shares.
 * @param path the member that names it
 * @param named whether the request itself names it, so that the caller's access was already checked; otherwise the
 * access of the caller's account is checked
 * @throws {ApiError} InvalidParameterValueException, with a list of possible values
 */
export async function findParentImage(
  context: BuildContext,
  given: string,
  path = 'parentImage',
  named = true,
): Promise<ParentImage> {
  const unknown = (detail: string) => unknownImage(context, path, detail, given);
  const meaning = await parentMeaning(context.db, context.services.catalog.managed, given, placeOf(context));
  const steps = meaning.via.length === 0 ? '' : `${meaning.via.join(', ')}: `;
  if (meaning.kind === 'none')
    throw meaning.known ? invalidParameterValue(path, meaning.why) : await unknown(meaning.why);
  if (meaning.kind === 'managed') {
    const { platform, osVersion, type } = meaning.image;
    if (type === 'DOCKER') throw await unknown(`${steps}'${given}' is ${A_CONTAINER_IMAGE}`);
    return { platform, osVersion, diskBytes: () => baseBytes(context, meaning.image) };
  }
  if (meaning.kind === 'ami') {
    const ami = await findAmi(context.db, meaning.id, context.region);
    const { organizations } = context.services.catalog.managed.settings;
    if (ami === undefined || !mayUse(ami, context.account, organizations))
      throw await unknown(
        `${steps}The AMI '${meaning.id}' does not exist in ${context.region}. To build on another image in its ` +
          `place, set parentImages: {${meaning.id}: debian-12-x86} in config.yaml of the data directory.`,
      );
    return {
      platform: ami.platform as ParentImage['platform'],
      osVersion: ami.os_version ?? undefined,
      diskBytes: () => layerBytes(context, ami.layer_id),
    };
  }
  const reference = meaning.arn;
  const usable = isVisible(context, parseArn(reference)) || (!named && (await isShared(context, reference)));
  const build = usable ? await resolveImage(context.db, reference) : undefined;
  const image = build === undefined ? undefined : await getImage(context.db, build);
  if (image === undefined) throw await unknown(`${steps}No build of '${reference}' is AVAILABLE.`);
  if (image.type === 'DOCKER') throw await unknown(`${steps}'${build}' is ${A_CONTAINER_IMAGE}`);
  if (image.state?.status !== 'AVAILABLE' && image.state?.status !== 'DEPRECATED') {
    throw invalidParameterValue(
      path,
      `The image '${reference}' is ${image.state?.status}: only an available image can be built on.`,
    );
  }
  if (await wasDeregistered(context.db, build!, context.region)) {
    throw invalidParameterValue(
      path,
      `The AMI of the image '${build}' in ${context.region} was deregistered: it cannot be built on any more.`,
    );
  }
  return {
    platform: image.platform!,
    osVersion: image.osVersion,
    async diskBytes() {
      const ami = (await amisOfImage(context.db, build!)).find(({ region }) => region === context.region);
      return layerBytes(context, ami?.layer_id ?? null);
    },
  };
}

async function baseBytes(context: BuildContext, { name, diskBytes }: ManagedImage): Promise<number | undefined> {
  const there = await newestBaseImage(context.db, name);
  return there === undefined ? diskBytes : layerBytes(context, there.layer_id);
}

async function layerBytes({ db, services }: BuildContext, layerId: string | null): Promise<number | undefined> {
  const layer = layerId === null ? undefined : await getLayer(db, layerId);
  if (layer?.origin !== 'made') return undefined;
  const gib = await services.storage.diskGib(layer.path);
  return gib === undefined ? undefined : gib * 2 ** 30;
}

/** Whether another account currently shares an image with the caller's account. */
async function isShared(context: BuildContext, reference: string): Promise<boolean> {
  try {
    await checkShared(context.services.catalog, context, 'imagebuilder:GetImage', reference, context.db);
    return parseArn(reference)?.region === context.region;
  } catch (error) {
    if (error instanceof NotSharedError) return false;
    throw error;
  }
}

const A_CONTAINER_IMAGE = 'a container image, and an AMI cannot be built on it: use it in a container recipe.';

/** Maximum number of possible values in an error. */
const LISTED = 8;

async function unknownImage(context: BuildContext, path: string, detail: string, reference: string) {
  const managed = context.services.catalog.managed.images
    .filter(({ supply, type }) => supply !== 'refused' && type !== 'DOCKER')
    .map(({ name }) => `arn:aws:imagebuilder:${context.region}:aws:image/${name}/x.x.x`);
  const amis = await context.db
    .selectFrom('amis')
    .select(['id', 'name'])
    .where('account', '=', context.account)
    .where('region', '=', context.region)
    .where('state', '=', 'available')
    .orderBy('created', 'desc')
    .orderBy('id')
    .limit(LISTED)
    .execute();
  const images = await context.db
    .selectFrom('images')
    .select(['arn', 'record'])
    .where('account', '=', context.account)
    .where('region', '=', context.region)
    .where('status', '=', 'AVAILABLE')
    .orderBy('arn')
    .limit(LISTED)
    .execute();
  const ofAmis = images.filter(({ record }) => (JSON.parse(record) as Pick<Image, 'type'>).type !== 'DOCKER');
  const all = [...managed, ...ofAmis.map(({ arn }) => arn), ...amis.map(({ id, name }) => `${id} (${name})`)];
  const nameOf = (image: string): string => parseArn(image)?.slug ?? image;
  const known = nearestFirst(nameOf(reference), all, nameOf);
  const more = known.length > LISTED ? ` and ${known.length - LISTED} more` : '';
  const listed = known.slice(0, LISTED).join(', ');
  return invalidParameterValue(
    path,
    `${detail} ${known.length === 0 ? 'No images exist here yet.' : `Available parent images: ${listed}${more}.`}`,
  );
}
