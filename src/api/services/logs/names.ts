/** How requests name log groups. */
import { logGroup, type LogGroup } from '../../../catalog/log-groups.ts';
import type { Place } from '../../../catalog/slices.ts';
import { LOG_GROUP_NAME, logGroupArn, logStreamArn } from '../../../resources/log-names.ts';
import type { LogPlace } from '../../../logs/sources.ts';
import type { ServiceContext } from '../service.ts';
import { groupNotFound, invalid } from './errors.ts';

/** The members in which operations name a group. */
interface Named {
  readonly logGroupName?: string | undefined;
  readonly logGroupIdentifier?: string | undefined;
}

/** The name of the group that a request gives, by name or by ARN. */
function nameOf({ logGroupName, logGroupIdentifier }: Named, place: Place): string | undefined {
  const name = logGroupName ?? logGroupIdentifier;
  if (logGroupName !== undefined && logGroupIdentifier !== undefined)
    throw invalid('Use either logGroupName or logGroupIdentifier, not both.');
  return name === undefined ? undefined : nameFrom(name, place);
}

/**
 * A name, or the name in an ARN of this account and Region. An ARN of another account or Region is returned whole, so
 * that it matches no group.
 */
export function nameFrom(identifier: string, place: Place): string {
  const own = logGroupArn(place, '');
  return identifier.startsWith(own) ? identifier.slice(own.length).replace(/:\*$/, '') : identifier;
}

/** The resource that policies check: the group with all its streams, or one stream. */
export function needOf(
  input: Named & { readonly logStreamName?: string | undefined },
  place: Place,
): readonly [{ readonly resource: string }] {
  return [{ resource: logStreamArn(place, nameOf(input, place) ?? '', input.logStreamName) }];
}

/** The group that a request names. @throws {ServiceError} */
export async function groupOf(input: Named, context: ServiceContext): Promise<LogGroup> {
  const name = nameOf(input, context);
  if (name === undefined) throw invalid('Specify logGroupName or logGroupIdentifier.');
  // Of another account or Region.
  if (name.startsWith('arn:')) throw groupNotFound();
  if (!LOG_GROUP_NAME.test(name))
    throw invalid(
      `1 validation error detected: Value '${name.slice(0, 100)}' at 'logGroupName' failed to satisfy constraint: ` +
        'Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+',
    );
  const found = await logGroup(context.db, context, name);
  if (found === undefined) throw groupNotFound();
  return found;
}

/** Where the events of a group are stored. */
export function logPlace(context: ServiceContext, group: string): LogPlace {
  return { db: context.db, dataDirectory: context.services.dataDirectory, place: context, group };
}

/** The page size of a request. @throws {ServiceError} if it is out of range */
export function limitOf(limit: number | undefined, most: number): number {
  if (limit === undefined) return most;
  if (!Number.isInteger(limit) || limit < 1 || limit > most)
    throw invalid(
      `1 validation error detected: Value '${limit}' at 'limit' failed to satisfy constraint: Member must be a ` +
        `whole number from 1 to ${most}`,
    );
  return limit;
}
