/** Code that all resource types share for creating, updating and keeping. */
import { TagResourceCommand, UntagResourceCommand } from '@aws-sdk/client-imagebuilder';
import { latestVersionReferences, parseArn, resourceArn, type ResourceType as ArnType } from '../../resources/arns.ts';
import { isVersion } from '../../resources/versions.ts';
import { slug } from '../../resources/names.ts';
import { tagChanges } from '../../templates/compare.ts';
import type { RequestValue } from '../../templates/template.ts';
import type { DeployContext, Deployed } from './context.ts';

/** A request of the API, from a template. */
export type Request = Readonly<Record<string, RequestValue>>;

/** The facts about an existing resource that all types need. */
export interface Existing {
  readonly arn?: string | undefined;
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  readonly tags?: Record<string, string> | undefined;
}

/** The ARN of a name, with a version as written (it may contain an `x`). */
export function arnOf(context: DeployContext, type: ArnType, request: Request, version?: string): string {
  const arn = resourceArn({ region: context.region, account: context.account }, type, slug(String(request['name'])));
  return version === undefined ? arn : `${arn}/${version}`;
}

/** The answer of `get`, or `undefined` if the resource does not exist. */
export async function found<T>(get: Promise<T>): Promise<T | undefined> {
  try {
    return await get;
  } catch (error) {
    if ((error as Error).name === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

export async function syncTags(
  context: DeployContext,
  arn: string,
  request: Request,
  existing: Readonly<Record<string, string>> | undefined,
): Promise<boolean> {
  const { set, remove } = tagChanges(request['tags'] as Record<string, string> | undefined, existing);
  if (remove.length > 0)
    await context.client.send(new UntagResourceCommand({ resourceArn: arn, tagKeys: remove }), {
      abortSignal: context.signal,
    });
  if (Object.keys(set).length > 0)
    await context.client.send(new TagResourceCommand({ resourceArn: arn, tags: set }), { abortSignal: context.signal });
  return remove.length > 0 || Object.keys(set).length > 0;
}

export function deployed(
  arn: string,
  what: Deployed['what'],
  request: Request,
  more: Readonly<Record<string, string>> = {},
): Deployed {
  return { arn, what, answers: { ref: arn, attributes: { Arn: arn, Name: String(request['name']), ...more } } };
}

/** The values of `LatestVersion.*` for a versioned resource. */
export function latestOf(arn: string): Readonly<Record<string, string>> {
  const parsed = parseArn(arn);
  if (parsed?.version === undefined || !isVersion(parsed.version)) return {};
  const latest = latestVersionReferences({ ...parsed, version: parsed.version });
  return {
    'LatestVersion.Arn': latest.latestVersionArn,
    'LatestVersion.Major': latest.latestMajorVersionArn,
    'LatestVersion.Minor': latest.latestMinorVersionArn,
    'LatestVersion.Patch': latest.latestPatchVersionArn,
  };
}
