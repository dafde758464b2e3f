import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BootProgress, STALL_MS } from './boot-progress.ts';

/** The events of one second of a start. */
interface Second {
  readonly prints?: readonly string[];
  readonly prompt?: string;
  readonly reads?: boolean;
  /** Seconds that its threads ran, and that they waited for a processor. */
  readonly ran?: number;
  readonly waits?: number;
}

/** Simulates seconds and reports after how many the start was hopeless, and why. */
function start(
  script: (second: number) => Second,
  upTo = 1000,
): { readonly after: number; readonly why: string } | undefined {
  const progress = new BootProgress(0, STALL_MS);
  let reads = 0;
  let ran = 0;
  let waited = 0;
  for (let second = 0; second <= upTo; second++) {
    const now = script(second);
    if (now.reads) reads++;
    ran += (now.ran ?? 0) * 1e9;
    waited += (now.waits ?? 0) * 1e9;
    progress.printed(now.prints ?? [], now.prompt ?? '', second * 1000);
    progress.look({ at: second * 1000, reads, ran, waited });
    const why = progress.hopeless();
    if (why !== undefined) return { after: second, why };
  }
  return undefined;
}

const KERNEL = '[    0.000000] Linux version 6.1.0-56-cloud-amd64';
const JOB = (second: number, limit: string, what = '/dev/disk/by-uuid/1'): string =>
  `[  ***] A start job is running for ${what} (${second}s / ${limit})`;

describe('a start that', () => {
  test('does nothing is reported as that', () => {
    assert.deepEqual(
      start((second) => (second === 1 ? { prints: [KERNEL] } : {})),
      { after: 46, why: 'nothing was read from its disk or printed on its console for 45 s' },
    );
  });

  test('prints occasionally continues', () =>
    assert.equal(
      start((second) => (second % 40 === 0 ? { prints: [`line ${second}`] } : {})),
      undefined,
    ));
  test('reads its disk occasionally continues', () =>
    assert.equal(
      start((second) => ({ reads: second % 40 === 0 })),
      undefined,
    ));

  test('has a busy host gets more time', () => {
    assert.equal(start(() => ({ ran: 1, waits: 9 }))?.after, 450);
    assert.equal(start(() => ({ ran: 0.1, waits: 0.1 }))?.after, 50);
  });

  test('was slow before gets as much time again', () => {
    assert.equal(
      start((second) => (second === 100 ? { prints: [KERNEL] } : second < 100 ? { reads: true } : {}))?.after,
      400,
    );
  });

  test("only counts the seconds for a device is reported with the device's name", () => {
    const ended = start((second) => (second < 10 ? { reads: true } : { prompt: JOB(second, '1min 30s') }));
    assert.match(ended?.why ?? '', /^it waits for \/dev\/disk\/by-uuid\/1, and nothing/);
    assert.ok(ended!.after < 60, String(ended!.after));
  });

  test("waits for a job gets the job's own limit", () => {
    assert.equal(
      start((second) => (second === 0 ? { reads: true } : { prompt: JOB(second, '2min 30s', 'slow.service - Slow') }))
        ?.after,
      165,
    );
  });

  test('waits for a job without limit gets no more time', () => {
    assert.ok(
      (start((second) => (second === 0 ? { reads: true } : { prompt: JOB(second, 'no limit', 'slow.service') }))
        ?.after ?? 1000) < 60,
    );
  });

  test('asks for a login and has no agent is reported as that, whatever it reads', () => {
    const login = (text: string) =>
      start((second) => ({ reads: true, ...(second > 5 ? { prompt: text } : {}) }))?.why ?? '';
    assert.match(login('debian login: '), /asks for a login, but its guest agent/);
    assert.match(
      login('debian login: [   65.494981] powernow_k8: Power state transitions not supported'),
      /asks for a login/,
    );
  });

  test('starts again and again is reported as a loop', () => {
    assert.match(
      start((second) => ({
        reads: true,
        ...(second % 5 === 0 ? { prints: ['SeaBIOS (version 1.16.2-debian-1.16.2-1)', KERNEL] } : {}),
      }))?.why ?? '',
      /^it starts again and again \(6 times\)/,
    );
  });
});

test('a deliberate reset starts the observation again', () => {
  const progress = new BootProgress(0, STALL_MS);
  for (let round = 0; round < 20; round++) {
    progress.printed([KERNEL], '', round);
    progress.reset();
  }
  assert.equal(progress.hopeless(), undefined);
});
