/**
 * Parameters that templates create (`AWS::SSM::Parameter`): names with values, in an account and Region. `ssm:` parents
 * and parameters of templates use them.
 */
import { parameterArn } from '../../resources/store-arns.ts';
import {
  getParameter,
  listParameters,
  PARAMETER_TYPES,
  putParameter,
  removeParameter,
} from '../../catalog/parameters.ts';
import { invalidParameterValue, resourceNotFound, serviceQuotaExceeded } from '../../resources/errors.ts';
import type { RequestContext } from '../context.ts';
import { readBody } from './read.ts';
import type { IngotRoute } from './route.ts';

/** Systems Manager's quotas of standard parameters. */
const MOST_PARAMETERS = 10_000;
/** Maximum characters of a value. */
export const LONGEST_PARAMETER = 4096;
const LONGEST_DESCRIPTION = 1024;
export const PARAMETER_NAME = /^[A-Za-z0-9_./-]{1,1011}$/;

const byName = (params: Readonly<Record<string, string>>, context: RequestContext): string =>
  parameterArn(params['name']!, context);

export const parameterRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:ListParameters',
    method: 'GET',
    path: '/ingot/parameters',
    resource: (_params, context) => parameterArn('*', context),
    async handle(_request, context) {
      const found = await listParameters(context.services.catalog.db, context);
      return { json: { parameters: found.filter(({ type }) => type !== 'SecureString') } };
    },
  },
  {
    action: 'ingot:PutParameter',
    method: 'POST',
    path: '/ingot/parameters/:name',
    body: true,
    resource: byName,
    async handle({ params, body }, context) {
      const name = params['name']!;
      if (!PARAMETER_NAME.test(name)) {
        const expected = 'It must have at most 1011 letters, digits, dots, hyphens, underscores and slashes.';
        throw invalidParameterValue('name', expected);
      }
      const content = readBody(body, (reader) => {
        const type = reader.oneOf('type', PARAMETER_TYPES);
        if (type === undefined) reader.fault('type', 'It is required.');
        const description = reader.string('description', { max: LONGEST_DESCRIPTION });
        return {
          type: type!,
          value: reader.required('value', { max: LONGEST_PARAMETER }),
          description,
        };
      });
      const json = await context.services.catalog.transaction(async (db) => {
        const known = await getParameter(db, context, name);
        if (known === undefined && (await listParameters(db, context)).length >= MOST_PARAMETERS)
          throw serviceQuotaExceeded(`There are ${MOST_PARAMETERS} parameters already.`);
        return putParameter(db, context, { name, ...content });
      });
      return { json };
    },
  },
  {
    action: 'ingot:DeleteParameter',
    method: 'DELETE',
    path: '/ingot/parameters/:name',
    resource: byName,
    async handle({ params }, context) {
      const name = params['name']!;
      await context.services.catalog.transaction(async (db) => {
        if (!(await removeParameter(db, context, name))) throw resourceNotFound(parameterArn(name, context));
      });
      return { json: {} };
    },
  },
];
