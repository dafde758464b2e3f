/** Operations on tags. Source: reference, `resources.md` section 11. */
import { resourceExists } from '../../catalog/existence.ts';
import { addTags, removeTags, tagsOf } from '../../catalog/tags.ts';
import { caseFault, sameButForCase } from '../../policies/tag-keys.ts';
import { parseArn } from '../../resources/arns.ts';
import { ApiError, invalidParameter, resourceNotFound } from '../../resources/errors.ts';
import type { Handlers, OperationContext } from '../context.ts';

/** Maximum number of tags on a resource. */
const MAX_TAGS = 50;

/** Handlers. */
export const tagOperations = {
  async ListTagsForResource(input, context) {
    if (parseArn(input.resourceArn)?.owner === 'aws') return { tags: {} };
    await mustExist(context, input.resourceArn);
    return { tags: await tagsOf(context.db, input.resourceArn) };
  },

  async TagResource(input, context) {
    await mustExist(context, input.resourceArn);
    const all = { ...(await tagsOf(context.db, input.resourceArn)), ...input.tags };
    const alike = sameButForCase(Object.keys(all));
    if (alike !== undefined) throw invalidParameter(`With these tags '${input.resourceArn}' ${caseFault(alike)}.`);
    if (Object.keys(all).length > MAX_TAGS)
      throw invalidParameter(
        `A resource takes ${MAX_TAGS} tags; with these '${input.resourceArn}' would have ${Object.keys(all).length}.`,
      );
    await addTags(context.db, input.resourceArn, input.tags);
    return {};
  },

  async UntagResource(input, context) {
    await mustExist(context, input.resourceArn);
    await removeTags(context.db, input.resourceArn, input.tagKeys);
    return {};
  },
} satisfies Partial<Handlers>;

async function mustExist(context: OperationContext, text: string): Promise<void> {
  const arn = parseArn(text);
  if (arn === undefined) throw invalidParameter(`'${text}' is not the ARN of a resource of Image Builder.`);
  if (arn.owner === 'aws')
    throw new ApiError('ForbiddenException', `The resource '${text}' comes with the service and cannot be tagged.`);
  if (arn.owner !== context.account || arn.region !== context.region || !(await resourceExists(context.db, text)))
    throw resourceNotFound(text);
}
