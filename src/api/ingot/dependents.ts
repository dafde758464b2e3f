/** The dependents of a resource of any type; AWS has no such operation. */
import { dependentTree } from '../../catalog/dependent-tree.ts';
import { parseArn } from '../../resources/arns.ts';
import { invalidParameterValue, resourceNotFound } from '../../resources/errors.ts';
import type { IngotRoute } from './route.ts';

export const dependentRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:ListDependents',
    method: 'GET',
    path: '/ingot/resources/:arn/dependents',
    resource: ({ arn }) => arn!,
    async handle({ params }, { account, services }) {
      const text = params['arn']!;
      const arn = parseArn(text);
      if (arn === undefined)
        throw invalidParameterValue('arn', `'${text}' is not the ARN of a resource of Image Builder.`);
      const tree =
        arn.owner === account || arn.owner === 'aws' ? await dependentTree(services.catalog, text, account) : undefined;
      if (tree === undefined) throw resourceNotFound(text);
      return { json: tree };
    },
  },
];
