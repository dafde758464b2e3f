/** Reading the parameters that a request names, and their history. */
import type * as sdk from '@aws-sdk/client-ssm';
import { parameterVersions } from '../../../catalog/parameters.ts';
import { ServiceError } from '../errors.ts';
import { pageOf } from '../paging.ts';
import type { Operations } from '../service.ts';
import { parameterNotFound, validation } from './errors.ts';
import { readReference, resourceOf } from './names.ts';
import { findParameter, historyEntry, told } from './values.ts';

/** Maximum number of names in a request. */
const MOST_NAMES = 10;

/** @throws {ServiceError} ValidationException */
export function checkNames(names: readonly string[]): void {
  if (names.length === 0 || names.length > MOST_NAMES)
    throw validation(`Names must have 1 to ${MOST_NAMES} entries, not ${names.length}.`);
}

export const parameters = {
  GetParameter: {
    mutating: false,
    takes: ['Name', 'WithDecryption'],
    needs: ({ Name }, place) => [{ resource: resourceOf(Name, place) }],
    async run({ Name, WithDecryption }, context) {
      const { parameter, selector } = await findParameter(context, Name);
      return { Parameter: told(context, parameter, WithDecryption, selector) };
    },
  },

  GetParameters: {
    mutating: false,
    takes: ['Names', 'WithDecryption'],
    needs: ({ Names }, place) => Names.map((name) => ({ resource: resourceOf(name, place) })),
    async run({ Names, WithDecryption }, context) {
      checkNames(Names);
      const found: sdk.Parameter[] = [];
      const unknown: string[] = [];
      for (const name of Names) {
        try {
          const { parameter, selector } = await findParameter(context, name);
          found.push(told(context, parameter, WithDecryption, selector));
        } catch (error) {
          if (!(error instanceof ServiceError)) throw error;
          unknown.push(name);
        }
      }
      return { Parameters: found, InvalidParameters: unknown };
    },
  },

  GetParameterHistory: {
    mutating: false,
    takes: ['Name', 'WithDecryption', 'MaxResults', 'NextToken'],
    needs: ({ Name }, place) => [{ resource: resourceOf(Name, place) }],
    async run(input, context) {
      const { name } = readReference(input.Name, context);
      const versions = await parameterVersions(context.db, context, name);
      if (versions.length === 0) throw parameterNotFound(input.Name);
      const page = pageOf(input, context, { most: 50, shape: ['number'] });
      const { items, nextToken } = page.cutAll(versions, ({ version }) => [version]);
      return {
        Parameters: items.map((version) => historyEntry(context, version, input.WithDecryption)),
        NextToken: nextToken,
      };
    },
  },
} satisfies Operations<typeof sdk>;
