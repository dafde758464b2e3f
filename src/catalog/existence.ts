/** Whether a resource is there, whatever its kind. */
import { parseArn, type ResourceType } from '../resources/arns.ts';
import type { Queryable } from './catalog.ts';

const TABLES: Partial<Record<ResourceType, 'components' | 'image_recipes' | 'infrastructure_configurations' | 'distribution_configurations' | 'image_pipelines' | 'images'>> = {
  component: 'components',
  'image-recipe': 'image_recipes',
  'infrastructure-configuration': 'infrastructure_configurations',
  'distribution-configuration': 'distribution_configurations',
  'image-pipeline': 'image_pipelines',
  image: 'images',
};

/** Whether an account's resource with exactly this ARN is there. */
export async function resourceExists(db: Queryable, arn: string): Promise<boolean> {
  const type = parseArn(arn)?.type;
  const table = type === undefined ? undefined : TABLES[type];
  if (table === undefined) return false;
  return (await db.selectFrom(table).select('arn').where('arn', '=', arn).executeTakeFirst()) !== undefined;
}
