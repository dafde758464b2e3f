/** Lists with `owner` `Shared`: resources that other accounts opened to the caller by resource policies. */
import { policiesOfOthers } from '../../catalog/resource-policies.ts';
import { comparePositions, sliceOf } from '../../catalog/slices.ts';
import { grants } from '../../policies/decide.ts';
import { parsePolicy } from '../../policies/document.ts';
import { nameArn, parseArn, versionArn, type ResourceType } from '../../resources/arns.ts';
import type { Version } from '../../resources/versions.ts';
import { contextValues } from '../access/context-values.ts';
import type { OperationContext } from '../context.ts';
import { openPage, type PageInput } from '../paging.ts';

/** The action that a policy must allow for its resource to be listed. */
const READS: Partial<Record<ResourceType, string>> = {
  component: 'imagebuilder:GetComponent',
  image: 'imagebuilder:GetImage',
  'image-recipe': 'imagebuilder:GetImageRecipe',
  'container-recipe': 'imagebuilder:GetContainerRecipe',
};

/**
 * One page of shared resources, ordered by the ARNs of their versions; of several builds of one version, the latest
 * open one.
 * @param get finds the resource of an ARN
 * @param meets whether it meets the list's filters
 * @param input.byName only the latest version of each name
 */
export async function sharedPage<T extends { readonly arn?: string | undefined }>(
  input: PageInput & { readonly byName?: boolean | undefined },
  context: OperationContext,
  type: ResourceType,
  get: (arn: string) => Promise<T | undefined>,
  meets: (item: T) => boolean,
): Promise<{ readonly items: T[]; readonly nextToken?: string }> {
  const page = openPage(input, context, ['string']);
  const key = (item: T): string => (input.byName === true ? nameArn(parseArn(item.arn!)!) : versionOf(item));
  const latest = new Map<string, T>();
  for (const arn of await openedTo(context, type)) {
    const item = await get(arn);
    if (item === undefined || !meets(item)) continue;
    const before = latest.get(key(item));
    if (before === undefined || comparePositions(age(item), age(before)) > 0) latest.set(key(item), item);
  }
  const position = (item: T): readonly string[] => [key(item)];
  const sorted = [...latest.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return page.cut(sliceOf(sorted, page, position), position);
}

/** Version and build, for sorting. */
function age({ arn }: { readonly arn?: string | undefined }): readonly number[] {
  const { version, build = 0 } = parseArn(arn!)!;
  const { major, minor, patch } = version as Version;
  return [major, minor, patch, build];
}

function versionOf({ arn }: { readonly arn?: string | undefined }): string {
  return versionArn(parseArn(arn!)!);
}

/** ARNs of other accounts' resources in the Region whose policies let the caller, or its account, read them. */
async function openedTo(context: OperationContext, type: ResourceType): Promise<readonly string[]> {
  const { principal } = context.identity;
  return (await policiesOfOthers(context.db, context, type)).flatMap(({ arn, account, policy }) => {
    const read = parsePolicy(policy, 'resource');
    if ('faults' in read) return [];
    const values = contextValues(context, {}, account, {});
    return grants(read.policy, {
      principal,
      action: READS[type]!,
      resource: arn,
      resourceAccount: account,
      context: values,
    }) === undefined
      ? []
      : [arn];
  });
}
