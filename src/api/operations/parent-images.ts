/** What a recipe's `parentImage` names, as far as it can be known before a build. */
import { findAmi, wasDeregistered } from '../../catalog/amis.ts';
import { findManagedImage } from '../../catalog/managed.ts';
import { getImage } from '../../catalog/images.ts';
import { resolveImage } from '../../catalog/resolve.ts';
import { parseArn } from '../../resources/arns.ts';
import { invalidParameterValue, valueNotSupported } from '../../resources/errors.ts';
import type { OperationContext } from '../context.ts';
import { isVisible } from './common.ts';

/** A parent image, found. */
export interface ParentImage {
  readonly platform: 'Linux' | 'Windows' | 'macOS';
  readonly osVersion?: string | undefined;
}

/**
 * Finds a parent image: one that comes with Ingot, an AMI, or an image of the caller's (with wildcards: its latest available build).
 * @param path the member that names it
 * @throws {ApiError} InvalidParameterValueException, with what there is
 */
export async function findParentImage(context: OperationContext, reference: string, path = 'parentImage'): Promise<ParentImage> {
  const unknown = (detail: string) => unknownImage(context, path, detail);
  if (reference.startsWith('ami-')) {
    const ami = await findAmi(context.db, reference, context.region);
    if (ami === undefined || ami.account !== context.account) throw await unknown(`There is no AMI '${reference}' in ${context.region}.`);
    return { platform: ami.platform as ParentImage['platform'], osVersion: ami.os_version ?? undefined };
  }
  if (reference.startsWith('ssm:')) throw valueNotSupported(path, 'The parent image is named by a Systems Manager parameter.');
  const arn = parseArn(reference);
  if (arn === undefined || arn.type !== 'image' || arn.version === undefined) {
    throw await unknown(`'${reference}' is neither an AMI id nor the ARN of an Image Builder image with its version.`);
  }
  if (arn.region !== context.region) throw await unknown(`'${reference}' is in ${arn.region}; this recipe is in ${context.region}.`);
  if (arn.owner === 'aws') {
    const image = findManagedImage(context.services.catalog.managed, arn);
    if (image === undefined) throw await unknown(`There is no managed image '${arn.slug}'.`);
    return { platform: image.platform, osVersion: image.osVersion };
  }
  const build = isVisible(context, arn) ? await resolveImage(context.db, reference) : undefined;
  const image = build === undefined ? undefined : await getImage(context.db, build);
  if (image === undefined) throw await unknown(`There is no available build of '${reference}'.`);
  if (image.state?.status !== 'AVAILABLE' && image.state?.status !== 'DEPRECATED') {
    throw invalidParameterValue(path, `The image '${reference}' is ${image.state?.status}: only an available image can be built on.`);
  }
  if (await wasDeregistered(context.db, build!, context.region)) {
    throw invalidParameterValue(path, `The AMI of the image '${build}' in ${context.region} was deregistered: it cannot be built on any more.`);
  }
  return { platform: image.platform!, osVersion: image.osVersion };
}

/** Most of them that an error lists. */
const LISTED = 10;

async function unknownImage(context: OperationContext, path: string, detail: string) {
  const managed = context.services.catalog.managed.images.map(({ name }) => `arn:aws:imagebuilder:${context.region}:aws:image/${name}/x.x.x`);
  const amis = await context.db.selectFrom('amis').select(['id', 'name'])
    .where('account', '=', context.account).where('region', '=', context.region).where('state', '=', 'available')
    .orderBy('created', 'desc').orderBy('id').limit(LISTED)
    .execute();
  const images = await context.db.selectFrom('images').select('arn')
    .where('account', '=', context.account).where('region', '=', context.region).where('status', '=', 'AVAILABLE')
    .orderBy('arn').limit(LISTED)
    .execute();
  const known = [...managed, ...images.map(({ arn }) => arn), ...amis.map(({ id, name }) => `${id} (${name})`)];
  return invalidParameterValue(path, `${detail} ${known.length === 0 ? 'There are no images here yet.' : `What can be built on: ${known.join(', ')}.`}`);
}
