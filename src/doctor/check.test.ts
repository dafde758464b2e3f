import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patient } from '../platform/patience.ts';
import { isFit, oneLine, runChecks, type Check, type CheckContext, type CheckResult } from './check.ts';
import { checks } from './checks.ts';
import { neededPackages, parsePackages } from './packages.ts';

function context(signal: AbortSignal = new AbortController().signal): CheckContext {
  return { dataDirectory: '/nowhere', env: {}, signal, mirror: () => Promise.reject(new Error('nobody asks')) };
}

async function all(given: readonly Check[], signal?: AbortSignal): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for await (const result of runChecks(given, context(signal))) results.push(result);
  return results;
}

test('a check that throws, or finds a problem, fails if it is required and warns otherwise', async () => {
  const rows: readonly (readonly [boolean, Check['run'], string])[] = [
    [
      true,
      async () => {
        throw new Error('one\n  two');
      },
      'fail one; two',
    ],
    [
      false,
      async () => {
        throw new Error('one');
      },
      'warn one',
    ],
    [
      true,
      () => {
        throw new Error('at once');
      },
      'fail at once',
    ],
    [true, async () => ({ status: 'fail', detail: 'no' }), 'fail no'],
    [false, async () => ({ status: 'fail', detail: 'no' }), 'warn no'],
    [true, async () => ({ status: 'warn', detail: 'so so' }), 'warn so so'],
    [false, async () => ({ status: 'ok', detail: 'yes' }), 'ok yes'],
  ];
  for (const [needed, run, expected] of rows) {
    const [result] = await all([{ name: 'it', needed, run }]);
    assert.equal(`${result!.status} ${result!.detail}`, expected);
  }
});

test('a check that does not end fails at its deadline, and is awaited while it cleans up', async () => {
  let letGo = false;
  const slow: Check = {
    name: 'slow',
    needed: true,
    seconds: 0.05,
    run: ({ signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () =>
          setTimeout(() => {
            letGo = true;
            reject(signal.reason as Error);
          }, 20),
        ),
      ),
  };

  const [result] = await all([slow]);

  assert.deepEqual(result, {
    name: 'slow',
    status: 'fail',
    detail: `no result within ${Math.round(patient(0.05) * 100) / 100} s`,
  });
  assert.equal(letGo, true);
});

test("results come in the register's order, and measurements run after the others", async () => {
  const events: string[] = [];
  const check = (name: string, ms: number, alone: boolean): Check => ({
    name,
    needed: true,
    ...(alone ? { alone } : {}),
    async run() {
      events.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, ms));
      events.push(`${name} ends`);
      return { status: 'ok', detail: '' };
    },
  });

  const results = await all([check('a', 30, false), check('b', 1, false), check('c', 1, true)]);

  assert.deepEqual(
    results.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
  assert.deepEqual(events.slice(0, 4).sort(), ['a begins', 'a ends', 'b begins', 'b ends']);
  assert.deepEqual(events.slice(4), ['c begins', 'c ends']);
});

test('an interruption ends all running checks', async () => {
  const controller = new AbortController();
  const endless: Check = {
    name: 'endless',
    needed: true,
    run: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  };
  setTimeout(() => controller.abort(new Error('interrupted')), 10);

  const results = await all([endless, endless], controller.signal);

  assert.deepEqual(
    results.map(({ detail }) => detail),
    ['interrupted', 'interrupted'],
  );
});

test('an interruption before the start ends it too', async () => {
  const endless: Check = { name: 'endless', needed: true, run: () => new Promise(() => {}) };

  const [result] = await all([endless], AbortSignal.abort(new Error('interrupted')));

  assert.equal(result!.detail, 'interrupted');
});

test('only failures make a host unfit', () => {
  const result = (status: CheckResult['status']): CheckResult => ({ name: 'it', status, detail: '' });
  assert.equal(isFit([result('ok'), result('warn')]), true);
  assert.equal(isFit([result('ok'), result('fail')]), false);
  assert.equal(isFit([]), true);
});

test('a long message is shortened', () => {
  assert.equal(oneLine(' a \n\n b '), 'a; b');
  assert.equal(oneLine('x'.repeat(500)).length, 400);
});

test('the list of packages is parsed by line, and an invalid line is an error', () => {
  assert.deepEqual(parsePackages('# why\n\nfdisk  sfdisk   partition tables \n'), [
    { name: 'fdisk', proof: 'sfdisk', purpose: 'partition tables' },
  ]);
  assert.throws(() => parsePackages('fdisk sfdisk\n'), /cannot be read: fdisk sfdisk/);
});

test('each package of the list belongs to a check, and checks name no others', async () => {
  const listed = new Set((await neededPackages()).map(({ name }) => name));
  const claimed = new Set(checks.flatMap(({ packages }) => packages ?? []));
  assert.deepEqual([...claimed].sort(), [...listed].sort());
});

test('names of checks are unique and fit their column', () => {
  assert.equal(new Set(checks.map(({ name }) => name)).size, checks.length);
  for (const { name } of checks) assert.ok(name.length <= 21, name);
});
