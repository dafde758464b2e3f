/** Tags of AMIs, snapshots and launch templates. */
import type * as sdk from '@aws-sdk/client-ec2';
import { updateAmi } from '../../../catalog/amis.ts';
import { findLaunchTemplate, launchTemplates } from '../../../catalog/launch-templates.ts';
import { amiIdOf, amisOfKeptSnapshots, snapshotIdOf } from '../../../catalog/snapshots.ts';
import { addTags, removeTags, tagsOf, tagsOfEach, type Tags } from '../../../catalog/tags.ts';
import { caseFault, sameButForCase } from '../../../policies/tag-keys.ts';
import { ServiceError } from '../errors.ts';
import { pageOf } from '../paging.ts';
import type { Operations, ServiceContext } from '../service.ts';
import { arnOfId, launchTemplateArn, snapshotArn } from './arns.ts';
import { tagsOfAmi } from './described.ts';
import { checkIds, invalidParameter } from './errors.ts';
import { filtered } from './filters.ts';
import { imagesFor, ownImage } from './images.ts';

const MOST_TAGS = 50;

/** The tags of a request, by key. @throws {ServiceError} InvalidParameterValue */
export function readTags(tags: readonly { Key?: string | undefined; Value?: string | undefined }[] = []): Tags {
  return Object.fromEntries(
    tags.map(({ Key, Value = '' }) => {
      if (Key === undefined || Key === '' || Key.length > 127)
        throw invalidParameter('Tag keys have 1 to 127 characters.');
      if (Value.length > 255) throw invalidParameter(`The value of the tag ${Key} has more than 255 characters.`);
      if (/^aws:/i.test(Key))
        throw invalidParameter(`Tag keys starting with 'aws:' are reserved for internal use: ${Key}`);
      return [Key, Value];
    }),
  );
}

function checkTags(id: string, tags: Tags): void {
  const keys = Object.keys(tags);
  const alike = sameButForCase(keys);
  if (alike !== undefined) throw invalidParameter(`${id} ${caseFault(alike)}.`);
  if (keys.length > MOST_TAGS)
    throw new ServiceError('TagLimitExceeded', `More than ${MOST_TAGS} tags specified for the resource ${id}.`);
}

/** The tags of one of the caller's resources. @throws {ServiceError} if it does not exist */
async function currentTags(context: ServiceContext, id: string): Promise<Tags> {
  if (id.startsWith('ami-')) return tagsOfAmi(await ownImage(context, id));
  if (id.startsWith('snap-')) {
    checkIds('snap', [id]);
    const kept = await amisOfKeptSnapshots(context.db, context);
    if (!kept.some((ami) => snapshotIdOf(ami) === id)) await ownImage(context, amiIdOf(id));
  } else if (id.startsWith('lt-')) {
    if ((await findLaunchTemplate(context.db, context, { id })) === undefined)
      throw new ServiceError('InvalidLaunchTemplateId.NotFound', `The launch template ${id} does not exist.`);
  } else
    throw new ServiceError(
      'InvalidID',
      `The ID '${id.slice(0, 64)}' is not valid. Ingot tags AMIs, snapshots and launch templates.`,
    );
  return tagsOf(context.db, arnOfId(id, context));
}

/** Sets and removes tags. */
async function change(context: ServiceContext, id: string, add: Tags, remove: (key: string, value: string) => boolean) {
  const before = await currentTags(context, id);
  const kept = Object.entries(before).filter(([key, value]) => !remove(key, value));
  const after = { ...Object.fromEntries(kept), ...add };
  checkTags(id, after);
  if (id.startsWith('ami-')) return updateAmi(context.db, id, { tags: JSON.stringify(after) });
  const arn = arnOfId(id, context);
  await removeTags(
    context.db,
    arn,
    Object.keys(before).filter((key) => !Object.hasOwn(after, key)),
  );
  await addTags(context.db, arn, after);
}

interface TagDescription {
  readonly Key: string;
  readonly Value: string;
  readonly ResourceId: string;
  readonly ResourceType: 'image' | 'snapshot' | 'launch-template';
}

/** All tags of the caller's resources. */
async function allTags(context: ServiceContext): Promise<TagDescription[]> {
  const own = (await imagesFor(context)).filter(({ account }) => account === context.account);
  const templates = await launchTemplates(context.db, context);
  const others = [
    ...own.map((ami) => ({
      id: snapshotIdOf(ami),
      arn: snapshotArn(snapshotIdOf(ami), context),
      type: 'snapshot' as const,
    })),
    ...templates.map(({ id }) => ({ id, arn: launchTemplateArn(id, context), type: 'launch-template' as const })),
  ];
  const stored = await tagsOfEach(
    context.db,
    others.map(({ arn }) => arn),
  );
  const told = (id: string, type: TagDescription['ResourceType'], tags: Tags): TagDescription[] =>
    Object.entries(tags).map(([Key, Value]) => ({ Key, Value, ResourceId: id, ResourceType: type }));
  return [
    ...own.flatMap((ami) => told(ami.id, 'image', tagsOfAmi(ami))),
    ...others.flatMap(({ id, arn, type }) => told(id, type, stored.get(arn) ?? {})),
  ].sort((a, b) => (a.ResourceId + a.Key < b.ResourceId + b.Key ? -1 : 1));
}

export const tags = {
  CreateTags: {
    mutating: true,
    takes: ['Resources', 'Tags', 'DryRun'],
    needs: ({ Resources, Tags: given }, place) =>
      Resources.map((id) => ({ resource: arnOfId(id, place), tags: readTags(given) })),
    async run({ Resources, Tags: given }, context) {
      for (const id of Resources) await change(context, id, readTags(given), () => false);
      return {};
    },
  },

  DeleteTags: {
    mutating: true,
    takes: ['Resources', 'Tags', 'DryRun'],
    needs: ({ Resources, Tags: given = [] }, place) =>
      Resources.map((id) => ({ resource: arnOfId(id, place), tagKeys: given.flatMap(({ Key }) => Key ?? []) })),
    async run({ Resources, Tags: given = [] }, context) {
      // Without tags in the request, all are removed; a tag with a value is removed only if the value is equal.
      const goes = (key: string, value: string): boolean =>
        given.length === 0 || given.some((tag) => tag.Key === key && (tag.Value === undefined || tag.Value === value));
      for (const id of Resources) await change(context, id, {}, goes);
      return {};
    },
  },

  DescribeTags: {
    mutating: false,
    takes: ['Filters', 'MaxResults', 'NextToken', 'DryRun'],
    needs: () => [{ resource: '*' }],
    async run(input, context) {
      const all = await allTags(context);
      const found = filtered(
        all,
        input.Filters,
        {
          key: ({ Key }) => [Key],
          'resource-id': ({ ResourceId }) => [ResourceId],
          'resource-type': ({ ResourceType }) => [ResourceType],
          value: ({ Value }) => [Value],
        },
        ({ Key, Value }) => ({ [Key]: Value }),
      );
      const page = pageOf(input, context, { least: 5, most: 1000, usual: Infinity, shape: ['string'] });
      const { items, nextToken } = page.cutAll(found, ({ ResourceId, Key }) => [ResourceId + Key]);
      return { Tags: items, NextToken: nextToken };
    },
  },
} satisfies Operations<typeof sdk>;
