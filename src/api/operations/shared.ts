/** Lists with `owner` `Shared`: what other accounts opened to the caller by policies on their resources. */
import { policiesOfOthers } from '../../catalog/resource-policies.ts';
import { sliceOf } from '../../catalog/slices.ts';
import { grants } from '../../policies/decide.ts';
import { parsePolicy } from '../../policies/document.ts';
import { parseArn, versionArn, type ResourceType } from '../../resources/arns.ts';
import { contextValues } from '../access/context-values.ts';
import type { OperationContext } from '../context.ts';
import { openPage, type PageInput } from '../paging.ts';

/** The action that a policy has to allow for its resource to be listed. */
const READS: Partial<Record<ResourceType, string>> = {
  component: 'imagebuilder:GetComponent', image: 'imagebuilder:GetImage', 'image-recipe': 'imagebuilder:GetImageRecipe', 'container-recipe': 'imagebuilder:GetContainerRecipe',
};

/**
 * One page of them, by the ARNs of their versions; of several builds of one version the latest that is open.
 * @param get the resource of an ARN
 * @param meets whether it meets the list's filters
 */
export async function sharedPage<T extends { readonly arn?: string | undefined }>(
  input: PageInput, context: OperationContext, type: ResourceType, get: (arn: string) => Promise<T | undefined>, meets: (item: T) => boolean,
): Promise<{ readonly items: T[]; readonly nextToken?: string }> {
  const page = openPage(input, context, ['string']);
  const versions = new Map<string, T>();
  for (const arn of await openedTo(context, type)) {
    const item = await get(arn);
    if (item === undefined || !meets(item)) continue;
    const version = versionOf(item);
    const before = versions.get(version);
    if (before === undefined || (parseArn(arn)!.build ?? 0) > (parseArn(before.arn!)!.build ?? 0)) versions.set(version, item);
  }
  const position = (item: T): readonly string[] => [versionOf(item)];
  const sorted = [...versions.values()].sort((a, b) => (versionOf(a) < versionOf(b) ? -1 : 1));
  return page.cut(sliceOf(sorted, page, position), position);
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
    return grants(read.policy, { principal, action: READS[type]!, resource: arn, resourceAccount: account, context: values }) === undefined ? [] : [arn];
  });
}
