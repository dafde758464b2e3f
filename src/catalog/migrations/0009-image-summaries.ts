/** Lists of images read columns and not whole records. */
import type { Kysely } from 'kysely';

/** Adds the columns, and fills them from the records. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('images').addColumn('build_type', 'text').execute();
  await db.schema.alterTable('images').addColumn('image_source', 'text').execute();
  const images = db as Kysely<{
    images: { arn: string; record: string; build_type: string | null; image_source: string | null };
  }>;
  for (
    let after = '', rows;
    (rows = await images
      .selectFrom('images')
      .select(['arn', 'record'])
      .where('arn', '>', after)
      .orderBy('arn')
      .limit(1000)
      .execute()).length > 0;
    after = rows.at(-1)!.arn
  ) {
    for (const { arn, record } of rows) {
      const { buildType, imageSource } = JSON.parse(record) as { buildType?: string; imageSource?: string };
      await images
        .updateTable('images')
        .set({ build_type: buildType ?? null, image_source: imageSource ?? null })
        .where('arn', '=', arn)
        .execute();
    }
  }
}
