/** A full disk under the catalogue: clients learn that it is full, and where; the rest is SQLite's behavior. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CreateComponentCommand, ListComponentsCommand } from '@aws-sdk/client-imagebuilder';
import { sql } from 'kysely';
import { signedJson } from '../../src/platform/api-client.ts';
import { ACCOUNT, documentOf, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

async function limitPages(more: number): Promise<void> {
  const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(api.catalog.db);
  await sql`pragma max_page_count = ${sql.raw(String(rows[0]!.page_count + more))}`.execute(api.catalog.db);
}

let made = 0;
const component = () =>
  api.client.send(
    new CreateComponentCommand({
      name: `component ${++made}`,
      semanticVersion: '1.0.0',
      platform: 'Linux',
      data: documentOf('true', `description: ${'x'.repeat(14_000)}\n`),
    }),
  );
const full = (error: {
  name: string;
  message: string;
  $metadata?: { httpStatusCode?: number };
  code?: string;
  status?: number;
}): boolean => {
  assert.deepEqual(
    [error.code ?? error.name, error.status ?? error.$metadata?.httpStatusCode],
    ['ServiceUnavailableException', 503],
    error.message,
  );
  assert.match(
    error.message,
    /^The disk of this server is full: no space is left on the file system of .*ingot api .*\. Make room there/,
  );
  return true;
};

test("one call after the other, many at once, and Ingot's own routes; then there is room again", async () => {
  await component();
  await limitPages(8);
  let ended: unknown;
  while (ended === undefined) await component().catch((error: unknown) => (ended = error));
  full(ended as Error);
  for (const each of await Promise.allSettled(Array.from({ length: 20 }, component)))
    if (each.status === 'rejected') full(each.reason as Error);
  await assert.rejects(component(), full);
  const user = (name: string) =>
    signedJson(api.connectionOf('same'), {
      method: 'POST',
      path: `/ingot/principals/${encodeURIComponent(`arn:aws:iam::${ACCOUNT}:user/${name}`)}`,
      body: {
        tags: Array.from({ length: 50 }, (_, index) => ({
          key: `${index}`.padStart(128, 'k'),
          value: 'v'.repeat(256),
        })),
      },
    });
  let refused: unknown;
  for (let index = 0; refused === undefined; index++)
    await user(`u${index}`).catch((error: unknown) => (refused = error));
  full(refused as Error);
  // Reading goes on.
  const { componentVersionList } = await api.client.send(new ListComponentsCommand({}));
  assert.ok(componentVersionList!.length >= 1);
  await limitPages(10_000);
  await component();
});
