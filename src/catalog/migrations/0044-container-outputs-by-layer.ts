/** An index for finding the container images of a layer, which garbage collection does for each layer. */
import type { Kysely } from 'kysely';

/** Adds the index. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex('container_outputs_layer').on('container_outputs').column('layer_id').execute();
}
