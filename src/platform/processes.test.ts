/** A command that prints without end, or whose reader fails, ends: it and nothing else. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isSameProcess, ProcessError, processStartTime, run } from './processes.ts';
import { until } from './clock.ts';

const LONG = { timeout: 60_000 };

describe('a command that prints without end', () => {
  for (const stream of ['stdout', 'stderr'] as const) {
    test(`is ended once it has printed more than it may, on ${stream}`, LONG, async () => {
      const script = stream === 'stdout' ? 'exec yes' : 'exec yes >&2';
      await assert.rejects(run(['sh', '-c', script], { maxOutput: 1 << 20 }), (error: unknown) => error instanceof ProcessError && error.tooMuchOutput && error.message === 'sh printed more than 1 MiB');
    });
  }

  test('is ended by what its handler throws, which is what the caller gets', LONG, async () => {
    let calls = 0;
    const thrown = new Error('the handler has seen enough');
    await assert.rejects(run(['yes'], { onStdout: () => { calls++; throw thrown; } }), (error) => error === thrown);
    assert.equal(calls, 1);
  });

  test('is left when it has a session of its own and holds the output open', LONG, async () => {
    // The flood outlives the kill of the group; its output is closed under it, which ends it.
    const pids: number[] = [];
    const script = 'setsid sh -c \'echo $$; exec yes\' & exit 0';
    const started = new Promise<string>((resolve) => {
      const onStdout = (chunk: Buffer): void => {
        const pid = /^(\d+)\n/.exec(chunk.toString('latin1'))?.[1];
        if (pid !== undefined && pids.length === 0) {
          pids.push(Number(pid));
          resolve(processStartTime(Number(pid)) ?? '');
        }
      };
      void assert.rejects(run(['sh', '-c', script], { onStdout, maxOutput: 1 << 20 }), (error: unknown) => error instanceof ProcessError && error.tooMuchOutput);
    });
    const startTime = await started;
    await until('the flood to end', 30_000, () => (isSameProcess(pids[0]!, startTime) ? undefined : true));
  });

  test('does not hold up a time-out by what it left with its output', LONG, async () => {
    const script = 'setsid sleep 120 & echo $!; wait';
    const error = await run(['sh', '-c', script], { timeoutMs: 200 }).then(() => undefined, (reason: unknown) => reason);
    assert.ok(error instanceof ProcessError && error.timedOut, String(error));
    process.kill(Number(error.stdout), 'SIGKILL');
  });
});

test('a command within its limit is not touched, and its end is read whole', async () => {
  const { stdout } = await run(['sh', '-c', 'head -c 1048576 /dev/zero | tr "\\0" x'], { maxOutput: 1 << 20 });
  assert.equal(stdout.length, 1 << 20);
});

test('what a command said stands in its error, cut', async () => {
  const error = await run(['sh', '-c', 'head -c 100000 /dev/zero | tr "\\0" x >&2; exit 1']).then(() => undefined, (reason: unknown) => reason as Error);
  assert.ok(error!.message.length < 5000);
});
