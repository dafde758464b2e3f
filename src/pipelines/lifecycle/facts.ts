/** The images of an account and Region, as lifecycle policies see them. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { Catalog, Queryable } from '../../catalog/catalog.ts';
import { dependentsOf } from '../../catalog/dependents.ts';
import { imageVersions } from '../../catalog/images.ts';
import type { Place } from '../../catalog/slices.ts';
import type { ImageStatus } from '../../resources/statuses.ts';
import { parseArn } from '../../resources/arns.ts';
import type { AgedAmi, AgedImage } from './decide.ts';

/** All images of one type in an account and Region that are not deleted, with what keeps them from deletion. */
export async function agedImages(
  catalog: Catalog,
  place: Place,
  type: 'AMI' | 'DOCKER',
): Promise<readonly AgedImage[]> {
  const { db } = catalog;
  const rows = await db
    .selectFrom('images')
    .select(['arn', 'slug', 'major', 'minor', 'patch', 'date_created', 'status', 'record'])
    .where('account', '=', place.account)
    .where('region', '=', place.region)
    .where('status', '!=', 'DELETED')
    .where('type', '=', type)
    .execute();
  const tags = await tagsOfImages(db, place);
  const amis = await amisByImage(db, place);
  const held = await heldImages(db, place);
  const upon = await imagesBuiltUpon(db, rows);
  const found: AgedImage[] = [];
  for (const { arn, slug, major, minor, patch, date_created: created, status } of rows)
    found.push({
      arn,
      slug,
      version: { major, minor, patch },
      created: Date.parse(created),
      status: status as ImageStatus,
      tags: tags.get(arn) ?? {},
      amis: amis.get(arn) ?? [],
      held: held.get(arn) ?? (await namedBy(db, place, arn)),
      builtUpon: [...(upon.get(arn) ?? [])].sort(),
    });
  return found;
}

async function tagsOfImages(
  db: Queryable,
  { account, region }: Place,
): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
  const rows = await db
    .selectFrom('tags')
    .innerJoin('images', 'images.arn', 'tags.arn')
    .select(['tags.arn', 'tags.key', 'tags.value'])
    .where('images.account', '=', account)
    .where('images.region', '=', region)
    .execute();
  const tags = new Map<string, Record<string, string>>();
  for (const { arn, key, value } of rows) {
    const own = tags.get(arn) ?? {};
    own[key] = value;
    tags.set(arn, own);
  }
  return tags;
}

async function amisByImage(db: Queryable, { account }: Place): Promise<ReadonlyMap<string, readonly AgedAmi[]>> {
  const rows = await db
    .selectFrom('amis')
    .select(['id', 'region', 'tags', 'image_arn'])
    .select((e) =>
      e
        .selectFrom('instances')
        .select((i) => i.fn.max('instances.created').as('last'))
        .whereRef('instances.ami_id', '=', 'amis.id')
        .where('instances.purpose', '=', 'launch')
        .as('last_launched'),
    )
    .where('account', '=', account)
    .where('state', 'in', ['available', 'disabled'])
    .execute();
  const amis = new Map<string, AgedAmi[]>();
  for (const { id, region, tags, image_arn: arn, last_launched: last } of rows)
    amis.set(arn, [
      ...(amis.get(arn) ?? []),
      {
        id,
        region,
        tags: JSON.parse(tags) as Record<string, string>,
        // Sharing and public images are not supported yet.
        isPublic: false,
        sharedAccounts: [],
        ...(last === null ? {} : { lastLaunched: Date.parse(last) }),
      },
    ]);
  return amis;
}

/** Images that an instance runs from, or that another state update is about. */
async function heldImages(db: Queryable, { account, region }: Place): Promise<ReadonlyMap<string, string>> {
  const running = await db
    .selectFrom('instances')
    .leftJoin('amis', 'amis.id', 'instances.ami_id')
    .select(['instances.id', 'instances.image_arn', 'amis.image_arn as ami_image'])
    .where('instances.state', 'in', ['pending', 'running', 'shutting-down'])
    .execute();
  const open = await db
    .selectFrom('lifecycle_executions')
    .select(['id', 'image_arn'])
    .where('account', '=', account)
    .where('region', '=', region)
    .where('image_arn', 'is not', null)
    .where('status', 'in', ['PENDING', 'IN_PROGRESS', 'CANCELLING'])
    .execute();
  return new Map([
    ...open.map(({ id, image_arn: arn }) => [arn!, `The lifecycle execution ${id} is about it.`] as const),
    ...running.flatMap(({ id, image_arn: arn, ami_image: ami }) =>
      [arn, ami].flatMap((each) => (each === null ? [] : [[each, `The instance ${id} runs from it.`] as const])),
    ),
  ]);
}

/** The instance that currently runs from an image, or `undefined`. */
export async function instanceOn(db: Queryable, imageArn: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('instances')
    .leftJoin('amis', 'amis.id', 'instances.ami_id')
    .select('instances.id')
    .where('instances.state', 'in', ['pending', 'running', 'shutting-down'])
    .where((e) => e.or([e('instances.image_arn', '=', imageArn), e('amis.image_arn', '=', imageArn)]))
    .executeTakeFirst();
  return row?.id;
}

/** Why a recipe or another resource needs an image. The same reason rejects a deletion by hand. */
async function namedBy(db: Queryable, place: Place, arn: string): Promise<string | undefined> {
  const available = (await imageVersions(db, place, parseArn(arn)!.slug)).filter(
    ({ status }) => status === 'AVAILABLE',
  );
  // Images based on it are checked separately, because they may be deleted together.
  const first = (await dependentsOf(db, arn, available)).find((each) => parseArn(each)?.type !== 'image');
  return first === undefined ? undefined : `${first} needs it.`;
}

/** For each image, the images whose disks are based on its disk, or whose recipes name it. */
async function imagesBuiltUpon(
  db: Queryable,
  images: readonly { readonly arn: string; readonly record: string }[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const upon = new Map<string, Set<string>>();
  const note = (parent: string | undefined, child: string): void => {
    if (parent === undefined || parent === child) return;
    upon.set(parent, (upon.get(parent) ?? new Set()).add(child));
  };
  const layers = await db.selectFrom('layers').select(['id', 'parent_id']).execute();
  const parentOf = new Map(layers.map(({ id, parent_id: parent }) => [id, parent]));
  const amis = await db
    .selectFrom('amis')
    .select(['id', 'image_arn', 'layer_id'])
    .where('state', 'in', ['pending', 'available', 'disabled', 'failed'])
    .execute();
  const imageOfLayer = new Map(amis.flatMap(({ layer_id, image_arn }) => (layer_id ? [[layer_id, image_arn]] : [])));
  const imageOfAmi = new Map(amis.map(({ id, image_arn }) => [id, image_arn]));
  for (const { layer_id, image_arn } of amis)
    for (let layer = parentOf.get(layer_id ?? ''); layer; layer = parentOf.get(layer))
      note(imageOfLayer.get(layer), image_arn);
  for (const { arn, record } of images) {
    const { imageRecipe, containerRecipe } = JSON.parse(record) as Image;
    const parent = imageRecipe?.parentImage ?? containerRecipe?.parentImage;
    if (parent !== undefined) note(imageOfAmi.get(parent) ?? parent, arn);
  }
  return upon;
}
