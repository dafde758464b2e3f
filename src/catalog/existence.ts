/** Whether a resource of any type exists. */
import { parseArn, type ResourceType } from '../resources/arns.ts';
import type { Queryable } from './catalog.ts';
import type { Tables } from './tables.ts';

const TABLES = {
  component: 'components',
  workflow: 'workflows',
  'image-recipe': 'image_recipes',
  'container-recipe': 'container_recipes',
  'infrastructure-configuration': 'infrastructure_configurations',
  'distribution-configuration': 'distribution_configurations',
  'image-pipeline': 'image_pipelines',
  'lifecycle-policy': 'lifecycle_policies',
  image: 'images',
} as const satisfies Record<ResourceType, keyof Tables>;

/** Whether an account's resource with exactly this ARN exists. */
export async function resourceExists(db: Queryable, arn: string): Promise<boolean> {
  const type = parseArn(arn)?.type;
  if (type === undefined) return false;
  return (await db.selectFrom(TABLES[type]).select('arn').where('arn', '=', arn).executeTakeFirst()) !== undefined;
}
