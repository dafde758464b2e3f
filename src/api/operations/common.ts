/** Code that operations on several types of resources share. */
import type { Conditions, Place } from '../../catalog/slices.ts';
import { formatArn, parseArn, type Arn, type ResourceType } from '../../resources/arns.ts';
import {
  ApiError,
  invalidParameterCombination,
  invalidParameterValue,
  resourceNotFound,
} from '../../resources/errors.ts';
import { matchesVersion, parseVersion, parseVersionPattern } from '../../resources/versions.ts';
import type { BuildContext, OperationContext } from '../context.ts';

/** The account and Region of the caller's own resources. */
export function placeOf({ account, region }: Place): Place {
  return { account, region };
}

/** A filter of a list operation. */
export interface Filter {
  readonly name?: string | undefined;
  readonly values?: readonly string[] | undefined;
}

/**
 * Converts filters to conditions on columns. The values of one filter are alternatives, and all filters must match.
 * @param columns the filters of the list, by name
 * @param pathOf the path of a filter in the input
 * @throws {ApiError} InvalidParameterValueException for an unknown name
 */
export function readFilters<Column extends string>(
  filters: readonly Filter[] | undefined,
  columns: Readonly<Record<string, Column>>,
  pathOf: (index: number) => string = (index) => `filters[${index}]`,
): Conditions<Column> {
  const conditions: Conditions<Column> = {};
  for (const [index, { name = '', values = [] }] of (filters ?? []).entries()) {
    const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
    if (column === undefined)
      throw invalidParameterValue(
        `${pathOf(index)}.name`,
        `Unknown filter '${name}'. Expected one of: ${Object.keys(columns).join(', ')}.`,
      );
    const before = conditions[column];
    conditions[column] = before === undefined ? values : values.filter((value) => before.includes(value));
  }
  return conditions;
}

/** Whether an item in memory meets conditions, like `meets` in SQL. Of a list of values, one must match. */
export function meetsConditions<Column extends string>(
  item: Readonly<Record<Column, string | readonly string[] | undefined>>,
  conditions: Conditions<Column>,
): boolean {
  return (Object.entries(conditions) as [Column, readonly string[] | undefined][]).every(([column, wanted]) => {
    const values = [item[column] ?? []].flat();
    return (
      wanted === undefined ||
      values.some((value) =>
        column === 'version' ? wanted.some((pattern) => versionMatches(pattern, value)) : wanted.includes(value),
      )
    );
  });
}

function versionMatches(patternText: string, versionText: string): boolean {
  const [pattern, version] = [parseVersionPattern(patternText), parseVersion(versionText)];
  return pattern !== undefined && version !== undefined && matchesVersion(pattern, version);
}

/** @throws {ApiError} InvalidParameterCombinationException, because a list by name has no versions to filter */
export function refuseVersionFilterByName({
  byName,
  filters,
}: {
  readonly byName?: boolean | undefined;
  readonly filters?: readonly Filter[] | undefined;
}): void {
  if (byName === true && filters?.some(({ name }) => name === 'version'))
    throw invalidParameterCombination('byName and a filter on version cannot be combined.');
}

/**
 * Parses the ARN of a resource that the caller may see in this Region: its own, one of `aws`, or another account's that
 * was opened to it.
 * @throws {ApiError} ResourceNotFoundException for another account's or Region's; InvalidParameterValueException for an
 * ARN of another type
 */
export function visibleArn(context: OperationContext, text: string, type: ResourceType, path: string): Arn {
  const arn = parseArn(text);
  if (arn === undefined || arn.type !== type)
    throw invalidParameterValue(path, `'${text}' is not the ARN of a resource of type ${type}.`);
  if (!isVisible(context, arn)) throw resourceNotFound(text);
  return arn;
}

/**
 * Whether an ARN in this Region is the caller's own, belongs to `aws`, or belongs to another account that opened it to
 * the caller.
 */
export function isVisible(context: Pick<BuildContext, 'account' | 'region' | 'opened'>, arn: Arn | undefined): boolean {
  return (
    arn !== undefined &&
    arn.region === context.region &&
    (arn.owner === context.account || arn.owner === 'aws' || context.opened.has(formatArn(arn)))
  );
}

/**
 * Parses the ARN of a resource that the caller wants to change.
 * @throws as `visibleArn`, and ForbiddenException for one of `aws` or of another account
 */
export function ownArn(context: OperationContext, text: string, type: ResourceType, path: string): Arn {
  const arn = visibleArn(context, text, type, path);
  if (arn.owner !== 'aws' && arn.owner !== context.account)
    throw new ApiError(
      'ForbiddenException',
      `The resource '${text}' belongs to another account and cannot be changed.`,
    );
  if (arn.owner === 'aws')
    throw new ApiError('ForbiddenException', `The resource '${text}' comes with the service and cannot be changed.`);
  return arn;
}

/** A copy without undefined members, so that what is stored equals what the client sees. */
export function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}
