/** Which container images a layer belongs to: asked for each layer when garbage is collected. */
import type { Kysely } from 'kysely';

/** Adds the index. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex('container_outputs_layer').on('container_outputs').column('layer_id').execute();
}
