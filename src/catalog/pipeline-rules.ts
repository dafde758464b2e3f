/** Queries on pipelines that rules for events start: up to which event each has been decided. */
import type { Queryable } from './catalog.ts';
import { lastEvent } from './outbox.ts';

/** The position of a pipeline. A pipeline that is new gets the events from now on. */
export async function rulePosition(trx: Queryable, arn: string): Promise<number> {
  const known = await trx
    .selectFrom('pipeline_rules')
    .select('position')
    .where('pipeline_arn', '=', arn)
    .executeTakeFirst();
  if (known !== undefined) return known.position;
  const position = await lastEvent(trx);
  await trx.insertInto('pipeline_rules').values({ pipeline_arn: arn, position }).execute();
  return position;
}

/** Records that a pipeline has been decided for the events up to a position. */
export async function setRulePosition(trx: Queryable, arn: string, position: number): Promise<void> {
  await trx.updateTable('pipeline_rules').set({ position }).where('pipeline_arn', '=', arn).execute();
}

/** Forgets pipelines that no rule names any more: named again, they get the events from then on. */
export async function keepRulePositions(trx: Queryable, named: readonly string[]): Promise<void> {
  const known = await trx.selectFrom('pipeline_rules').select('pipeline_arn').execute();
  const gone = known.map(({ pipeline_arn }) => pipeline_arn).filter((arn) => !named.includes(arn));
  if (gone.length > 0) await trx.deleteFrom('pipeline_rules').where('pipeline_arn', 'in', gone).execute();
}
