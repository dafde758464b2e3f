import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inTurn } from './build-queue.ts';
import { openCatalog, type Catalog } from './catalog.ts';
import { createImage, transitionImage } from './images.ts';
import { claimImage, endLease } from './leases.ts';
import { startOver, tryAgain } from './try-again.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-queue-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let number = 0;

const PLACE = { account: '123456789012', region: 'us-east-1' };
const LESSEE = { worker: 'w', host: 'h', pid: process.pid, processStart: '1' } as const;

async function fresh(): Promise<Catalog> {
  return openCatalog(join(folder, String(number++)));
}

let created = 0;
/** An image that started waiting after all earlier ones. */
async function image(
  catalog: Catalog,
  name: string,
  {
    pipeline,
    byItself = false,
    instanceType,
  }: { readonly pipeline?: string; readonly byItself?: boolean; readonly instanceType?: string } = {},
): Promise<string> {
  const { arn } = await catalog.transaction((trx) =>
    createImage(trx, {
      place: PLACE,
      slug: name,
      version: { major: 1, minor: 0, patch: 0 },
      image: {
        name,
        platform: 'Linux',
        buildType: byItself ? 'SCHEDULED' : 'USER_INITIATED',
        ...(pipeline === undefined ? {} : { sourcePipelineArn: pipeline }),
        ...(instanceType === undefined
          ? {}
          : { infrastructureConfiguration: { name: 'i', instanceTypes: [instanceType] } }),
      },
    }),
  );
  const date_created = new Date(Date.UTC(2026, 0, 1) + ++created * 1000).toISOString();
  await catalog.db.updateTable('images').set({ date_created }).where('arn', '=', arn).execute();
  return arn;
}

const claim = async (catalog: Catalog, busy = false): Promise<string | undefined> =>
  (await claimImage(catalog, LESSEE, { busy }))?.arn;
async function end(catalog: Catalog, arn: string | undefined): Promise<void> {
  await catalog.transaction((trx) => transitionImage(trx, arn!, 'FAILED'));
  await endLease(catalog.db, arn!);
}

test('images that a person started come before automatic ones, however long those wait', async () => {
  const catalog = await fresh();
  const nightly = await image(catalog, 'nightly', { pipeline: 'p', byItself: true });
  const asked = await image(catalog, 'nightly', { pipeline: 'p' });
  const other = await image(catalog, 'other');
  assert.deepEqual([await claim(catalog), await claim(catalog), await claim(catalog)], [asked, other, nightly]);
  await catalog.close();
});

test('an automatic image that failed and that a person retries counts as the person’s', async () => {
  const catalog = await fresh();
  const first = await image(catalog, 'a', { pipeline: 'p', byItself: true });
  assert.equal(await claim(catalog), first);
  await end(catalog, first);
  const waits = await image(catalog, 'b', { pipeline: 'q', byItself: true });
  await catalog.transaction((trx) => tryAgain(trx, first, { kind: 'retry', stage: 'TEST' }));
  assert.deepEqual([await claim(catalog), await claim(catalog)], [first, waits]);
  await catalog.close();
});

test('pipelines take turns, even with one build slot: a hundred builds of one do not delay another', async () => {
  const catalog = await fresh();
  const crowd: string[] = [];
  for (let each = 0; each < 4; each++) crowd.push(await image(catalog, 'a', { pipeline: 'p', byItself: true }));
  const b = [await image(catalog, 'b', { pipeline: 'q', byItself: true })];
  b.push(await image(catalog, 'b', { pipeline: 'q', byItself: true }));
  const alone = await image(catalog, 'c', { byItself: true });
  const begun: (string | undefined)[] = [];
  for (;;) {
    const next = await claim(catalog);
    if (next === undefined) break;
    begun.push(next);
    await end(catalog, next);
    // Turns are distinguished by their time.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.deepEqual(begun, [crowd[0], b[0], alone, crowd[1], b[1], crowd[2], crowd[3]]);
  await catalog.close();
});

test('a pipeline with fewer running builds comes first', async () => {
  const catalog = await fresh();
  const first = await image(catalog, 'a', { pipeline: 'p' });
  assert.equal(await claim(catalog), first);
  const second = await image(catalog, 'a', { pipeline: 'p' });
  const other = await image(catalog, 'b', { pipeline: 'q' });
  assert.deepEqual([await claim(catalog), await claim(catalog)], [other, second]);
  await catalog.close();
});

test('an image that must be built alone comes first, and waits for running builds', async () => {
  const catalog = await fresh();
  const suspect = await image(catalog, 'a', { byItself: true });
  assert.equal(await claim(catalog), suspect);
  const asked = await image(catalog, 'b');
  await catalog.transaction(async (trx) => {
    await transitionImage(trx, suspect, 'CREATING');
    await startOver(trx, suspect, { reason: 'its worker died', alone: true });
  });
  await endLease(catalog.db, suspect);
  assert.equal(await claim(catalog, true), undefined);
  assert.deepEqual([await claim(catalog), await claim(catalog)], [suspect, asked]);
  await catalog.close();
});

test('a nearly full disk holds back automatic builds, and any build beside another', async () => {
  const catalog = await fresh();
  const nightly = await image(catalog, 'nightly', { byItself: true });
  const scarce = async (busy: boolean): Promise<string | undefined> =>
    (await claimImage(catalog, LESSEE, { busy, scarce: true }))?.arn;
  assert.equal(await scarce(false), undefined);
  const asked = await image(catalog, 'asked');
  assert.equal(await scarce(true), undefined);
  assert.equal(await scarce(false), asked);
  assert.equal(await claim(catalog, true), nightly);
  await catalog.close();
});

test('a build that does not fit beside the running ones waits, and those behind it do not overtake it', async () => {
  const catalog = await fresh();
  const running = await image(catalog, 'running', { instanceType: 't3.small' });
  const large = await image(catalog, 'large', { instanceType: 'm5.2xlarge' });
  const small = await image(catalog, 'small');
  assert.equal(await claim(catalog), running);
  const asked: unknown[] = [];
  const room = (type: string | undefined, others: readonly (string | undefined)[]): boolean => {
    asked.push([type, others]);
    return others.length === 0;
  };
  assert.equal(await claimImage(catalog, LESSEE, { room }), undefined);
  assert.deepEqual(asked, [['m5.2xlarge', ['t3.small']]]);
  await end(catalog, running);
  assert.equal((await claimImage(catalog, LESSEE, { room }))?.arn, large);
  assert.equal(await claimImage(catalog, LESSEE, { room }), undefined);
  await end(catalog, large);
  assert.equal((await claimImage(catalog, LESSEE, { room }))?.arn, small);
});

test('the displayed order is the order in which builds start', async () => {
  const catalog = await fresh();
  let seed = 7;
  const random = (below: number): number => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  for (let each = 0; each < 40; each++) {
    const which = random(5);
    await image(catalog, `n${which}`, {
      ...(which < 3 ? { pipeline: `p${which}` } : {}),
      byItself: random(2) === 0,
    });
  }
  for (let each = 0; each < 3; each++) await claim(catalog);
  const shown = (await inTurn(catalog.db)).map(({ arn }) => arn);
  assert.deepEqual(
    (await inTurn(catalog.db, 5)).map(({ arn }) => arn),
    shown.slice(0, 5),
  );
  const begun: (string | undefined)[] = [];
  for (const _ of shown) {
    begun.push(await claim(catalog));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.equal(shown.length, 37);
  assert.deepEqual(begun, shown);
  await catalog.close();
});
