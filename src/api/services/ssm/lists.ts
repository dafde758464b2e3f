/** Lists of parameters: all of them, and those under a path. */
import type * as sdk from '@aws-sdk/client-ssm';
import { labelledParameters, listParameters, type StoredParameter } from '../../../catalog/parameters.ts';
import { tagsOfEach } from '../../../catalog/tags.ts';
import { parameterArn } from '../../../resources/store-arns.ts';
import { ServiceError } from '../errors.ts';
import { pageOf } from '../paging.ts';
import type { Operations, ServiceContext } from '../service.ts';
import { validation } from './errors.ts';
import { DEFAULT_KEY, metadata, told } from './values.ts';

/** A filter of a request. */
interface Filter {
  readonly Key: string;
  readonly Option?: string | undefined;
  readonly Values?: readonly string[] | undefined;
}

/** The fields that filters compare. */
interface Listed {
  readonly parameter: StoredParameter;
  readonly labels: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
}

type Matches = (given: string, wanted: string) => boolean;
const OPTIONS: Readonly<Record<string, Matches>> = {
  Equals: (given, wanted) => given === wanted,
  BeginsWith: (given, wanted) => given.startsWith(wanted),
  Contains: (given, wanted) => given.includes(wanted),
};

/** Whether a parameter's name is under a path: directly, or at any depth. */
function isBelow(name: string, path: string, recursive: boolean): boolean {
  const prefix = path.endsWith('/') ? path : `${path}/`;
  const full = name.startsWith('/') ? name : `/${name}`;
  return full.startsWith(prefix) && (recursive || !full.slice(prefix.length).includes('/'));
}

function checkPath(path: string): void {
  if (!/^\/(?:[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*\/?)?$/.test(path))
    throw validation(
      "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward " +
        'slash "/", and consist of letters, digits, dots, hyphens and underscores between slashes.',
    );
}

/** Makes the test of a filter. @throws {ServiceError} InvalidFilterKey, InvalidFilterOption, InvalidFilterValue */
function predicate({ Key, Option, Values: values = [] }: Filter, keys: readonly string[]): (item: Listed) => boolean {
  if (!keys.includes(Key) && !(keys.includes('tag:KEY') && Key.startsWith('tag:')))
    throw new ServiceError(
      'InvalidFilterKey',
      `The filter key '${Key.slice(0, 132)}' is not valid. Valid keys: ${keys.join(', ')}.`,
    );
  const option = Option ?? (Key === 'Path' ? 'OneLevel' : 'Equals');
  const valid =
    Key === 'Path' ? ['Recursive', 'OneLevel'] : Key === 'Name' ? Object.keys(OPTIONS) : ['Equals', 'BeginsWith'];
  if (!valid.includes(option))
    throw new ServiceError(
      'InvalidFilterOption',
      `The option '${option.slice(0, 64)}' is not valid for the key ${Key}. Valid options: ${valid.join(', ')}.`,
    );
  if (values.length > 50) throw new ServiceError('InvalidFilterValue', 'A filter takes at most 50 values.');
  if (values.length === 0 && !Key.startsWith('tag:'))
    throw new ServiceError('InvalidFilterValue', `The following filter values are missing : ${Key}.`);
  if (Key === 'Path') {
    for (const path of values) checkPath(path);
    return ({ parameter }) => values.some((path) => isBelow(parameter.name, path, option === 'Recursive'));
  }
  const matches = OPTIONS[option]!;
  const any = (...given: readonly (string | undefined)[]): boolean =>
    given.some((each) => each !== undefined && values.some((wanted) => matches(each, wanted)));
  return ({ parameter, labels, tags }) => {
    switch (Key) {
      case 'Name':
        // People search without the leading slash.
        return any(
          parameter.name,
          ...(parameter.name.startsWith('/') && option !== 'Contains' ? [parameter.name.slice(1)] : []),
        );
      case 'Type':
        return any(parameter.type);
      case 'KeyId':
        return any(parameter.type === 'SecureString' ? DEFAULT_KEY : undefined);
      case 'Label':
        return any(...labels);
      case 'Tier':
        return any(parameter.tier);
      case 'DataType':
        return any(parameter.dataType);
      default: {
        const tag = Key.slice('tag:'.length);
        return Object.hasOwn(tags, tag) && (values.length === 0 || any(tags[tag]));
      }
    }
  };
}

/** The parameters that pass all filters, sorted by name. */
async function filteredParameters(
  context: ServiceContext,
  filters: readonly Filter[],
  keys: readonly string[],
): Promise<readonly StoredParameter[]> {
  const predicates = filters.map((filter) => predicate(filter, keys));
  const all = await listParameters(context.db, context);
  const labels = filters.some(({ Key }) => Key === 'Label') ? await labelledParameters(context.db, context) : undefined;
  const tags = filters.some(({ Key }) => Key.startsWith('tag:'))
    ? await tagsOfEach(
        context.db,
        all.map(({ name }) => parameterArn(name, context)),
      )
    : undefined;
  return all.filter((parameter) => {
    const listed = {
      parameter,
      labels: labels?.get(parameter.name) ?? [],
      tags: tags?.get(parameterArn(parameter.name, context)) ?? {},
    };
    return predicates.every((passes) => passes(listed));
  });
}

const PATH_KEYS = ['Type', 'KeyId', 'Label', 'DataType'];
const LIST_KEYS = ['Name', 'Type', 'KeyId', 'Path', 'Label', 'Tier', 'DataType', 'tag:KEY'];

export const parameterLists = {
  GetParametersByPath: {
    mutating: false,
    takes: ['Path', 'Recursive', 'ParameterFilters', 'WithDecryption', 'MaxResults', 'NextToken'],
    needs: ({ Path }, place) => [{ resource: parameterArn(Path.replace(/(.)\/$/, '$1'), place) }],
    async run(input, context) {
      const { Path, Recursive = false, ParameterFilters = [], WithDecryption } = input;
      checkPath(Path);
      const page = pageOf(input, context, { most: 10, shape: ['string'] });
      const found = (await filteredParameters(context, ParameterFilters, PATH_KEYS)).filter(({ name }) =>
        isBelow(name, Path, Recursive),
      );
      const { items, nextToken } = page.cutAll(found, ({ name }) => [name]);
      return { Parameters: items.map((parameter) => told(context, parameter, WithDecryption)), NextToken: nextToken };
    },
  },

  DescribeParameters: {
    mutating: false,
    takes: ['Filters', 'ParameterFilters', 'MaxResults', 'NextToken', 'Shared'],
    needs: () => [{ resource: '*' }],
    async run(input, context) {
      const { Filters = [], ParameterFilters = [], Shared } = input;
      if (Filters.length > 0 && ParameterFilters.length > 0)
        throw validation('You can use either Filters or ParameterFilters in a single request.');
      const page = pageOf(input, context, { most: 50, shape: ['string'] });
      // Filters of the old form compare the beginnings of names.
      const old = Filters.map(({ Key, Values }) => ({ Key, Values, Option: Key === 'Name' ? 'BeginsWith' : 'Equals' }));
      const found = await filteredParameters(context, [...old, ...ParameterFilters], LIST_KEYS);
      const { items, nextToken } = page.cutAll(Shared === true ? [] : found, ({ name }) => [name]);
      return { Parameters: items.map((parameter) => metadata(context, parameter)), NextToken: nextToken };
    },
  },
} satisfies Operations<typeof sdk>;
