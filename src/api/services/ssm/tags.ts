/** Tags of parameters. */
import type * as sdk from '@aws-sdk/client-ssm';
import { getParameter } from '../../../catalog/parameters.ts';
import type { Place } from '../../../catalog/slices.ts';
import { addTags, removeTags, tagsOf, type Tags } from '../../../catalog/tags.ts';
import { caseFault, sameButForCase } from '../../../policies/tag-keys.ts';
import { parameterArn } from '../../../resources/store-arns.ts';
import { ServiceError } from '../errors.ts';
import type { Operations, ServiceContext } from '../service.ts';
import { validation } from './errors.ts';
import { readReference, resourceOf } from './names.ts';

const MOST_TAGS = 50;

/** The tags of a request, by key; `undefined` if it has none. @throws {ServiceError} ValidationException */
export function readTags(
  tags: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined,
): Tags | undefined {
  if (tags === undefined || tags.length === 0) return undefined;
  const read = Object.fromEntries(
    tags.map(({ Key, Value }) => {
      if (Key === undefined || Key === '' || Key.length > 128)
        throw validation('A tag key must have 1 to 128 characters.');
      if (Value === undefined || Value.length > 256) throw validation('A tag value must have at most 256 characters.');
      if (/^aws:/i.test(Key)) throw validation(`The tag key '${Key}' begins with aws:, which is reserved.`);
      return [Key, Value];
    }),
  );
  return checked(read);
}

function checked(tags: Tags): Tags {
  const keys = Object.keys(tags);
  const alike = sameButForCase(keys);
  if (alike !== undefined) throw validation(`The parameter ${caseFault(alike)}.`);
  if (keys.length > MOST_TAGS)
    throw new ServiceError('TooManyTagsError', `A parameter takes at most ${MOST_TAGS} tags.`);
  return tags;
}

/**
 * The ARN of the parameter that a tag operation names.
 * @throws {ServiceError} InvalidResourceType, InvalidResourceId
 */
async function tagged(
  { ResourceType, ResourceId }: { readonly ResourceType: string; readonly ResourceId: string },
  context: ServiceContext,
): Promise<string> {
  if (ResourceType !== 'Parameter')
    throw new ServiceError(
      'InvalidResourceType',
      `The resource type must be Parameter, not '${ResourceType.slice(0, 64)}'.`,
    );
  const { name } = readReference(ResourceId, context);
  if ((await getParameter(context.db, context, name)) === undefined)
    throw new ServiceError('InvalidResourceId', `There is no parameter ${ResourceId.slice(0, 2048)}.`);
  return parameterArn(name, context);
}

const needs = ({ ResourceId }: { readonly ResourceId: string }, place: Place) => [
  { resource: resourceOf(ResourceId, place) },
];

export const parameterTags = {
  AddTagsToResource: {
    mutating: true,
    takes: ['ResourceType', 'ResourceId', 'Tags'],
    needs: ({ ResourceId, Tags: given }, place) => [{ resource: resourceOf(ResourceId, place), tags: readTags(given) }],
    async run(input, context) {
      const arn = await tagged(input, context);
      const tags = readTags(input.Tags);
      checked({ ...(await tagsOf(context.db, arn)), ...tags });
      await addTags(context.db, arn, tags);
      return {};
    },
  },

  RemoveTagsFromResource: {
    mutating: true,
    takes: ['ResourceType', 'ResourceId', 'TagKeys'],
    needs: ({ ResourceId, TagKeys }, place) => [{ resource: resourceOf(ResourceId, place), tagKeys: TagKeys }],
    async run(input, context) {
      await removeTags(context.db, await tagged(input, context), input.TagKeys);
      return {};
    },
  },

  ListTagsForResource: {
    mutating: false,
    takes: ['ResourceType', 'ResourceId'],
    needs,
    async run(input, context) {
      const tags = await tagsOf(context.db, await tagged(input, context));
      return { TagList: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) };
    },
  },
} satisfies Operations<typeof sdk>;
