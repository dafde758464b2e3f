/** Which packages of an image have newer versions. */
import { getImage } from '../../catalog/images.ts';
import { updatesOfImage } from '../../pipelines/packages/of-image.ts';
import type { PackageUpdate } from '../../pipelines/packages/outdated.ts';
import { parseArn } from '../../resources/arns.ts';
import { invalidParameterValue, invalidRequest, resourceNotFound } from '../../resources/errors.ts';
import type { IngotRoute } from './route.ts';

/** The response. */
export interface ToldUpdates {
  readonly image: string;
  readonly updates: readonly PackageUpdate[];
}

export const outdatedRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:ListPackageUpdates',
    method: 'GET',
    path: '/ingot/images/:arn/updates',
    resource: ({ arn }) => arn!,
    async handle({ params, signal }, { account, services }) {
      const text = params['arn']!;
      const arn = parseArn(text);
      if (arn?.type !== 'image' || arn.build === undefined)
        throw invalidParameterValue('arn', `'${text}' is not the ARN of an image's build version.`);
      const { db } = services.catalog;
      if (arn.owner !== account || (await getImage(db, text)) === undefined) throw resourceNotFound(text);
      const updates = await updatesOfImage(db, services.packageIndexes, text, signal).catch((error: unknown) => {
        throw invalidRequest(`The packages cannot be compared: ${(error as Error).message}.`);
      });
      if (updates === undefined) throw invalidRequest(`The packages of '${text}' are not known.`);
      const told: ToldUpdates = { image: text, updates };
      return { json: told };
    },
  },
];
