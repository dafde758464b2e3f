/** Readers of an instance's output, tested with commands of this host. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { memoryRecorder } from '../platform/held.ts';
import { newInstanceId } from '../platform/ids.ts';
import type { Instance } from './instance.ts';
import { localDriver } from './local/driver.ts';
import { limited, runCaptured, TooMuchOutput } from './output.ts';

const LONG = { timeout: 60_000 };
let directory: string;
let instance: Instance;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ingot-output-'));
  const id = newInstanceId();
  instance = await localDriver.launch({
    id,
    directory,
    held: memoryRecorder(id),
    disk: '',
    cpus: 0,
    memoryMiB: 0,
    allocationOwner: { dataDirectory: directory, owner: id },
  });
});
after(async () => {
  await instance.terminate();
  await rm(directory, { recursive: true, force: true });
});

const WAYS = [
  ["a program of Ingot's own", { argv: ['yes'], own: true }],
  ['a command', { argv: ['yes'] }],
  ['a script on stderr', { script: 'exec yes >&2' }],
  ['one endless line', { argv: ['cat', '/dev/zero'] }],
] as const;

for (const [name, request] of WAYS) {
  describe(name, () => {
    test('is killed once it prints more than the limit, with a message that says so', LONG, async () => {
      await assert.rejects(
        runCaptured(instance, request, { limit: 1 << 20, what: 'the list of everything' }),
        (error: unknown) => {
          assert.ok(error instanceof TooMuchOutput);
          assert.match(error.message, /^the list of everything printed more than 1 MiB in the instance/);
          return true;
        },
      );
    });

    test('is killed by an error of its reader, which ends nothing else', LONG, async () => {
      const thrown = new Error('no');
      await assert.rejects(
        instance.run({
          ...request,
          onOutput: () => {
            throw thrown;
          },
        }),
        (error) => error === thrown,
      );
    });

    test('is killed by its signal, whose reason is thrown', LONG, async () => {
      const controller = new AbortController();
      const reason = new Error('enough');
      const running = instance.run({ ...request, signal: controller.signal, onOutput: () => controller.abort(reason) });
      await assert.rejects(running, (error) => error === reason);
    });
  });
}

test('output within the limit is kept completely, each stream separately', async () => {
  const result = await runCaptured(instance, { script: 'echo out; echo err >&2; exit 3' }, { limit: 8, what: 'it' });
  assert.deepEqual(
    { ...result, stdout: result.stdout.toString(), stderr: result.stderr.toString() },
    { exitCode: 3, signal: null, timedOut: false, stdout: 'out\n', stderr: 'err\n' },
  );
});

test('a limited request passes on output within the limit', async () => {
  let seen = 0;
  const request = limited(
    {
      argv: ['head', '-c', '100', '/dev/zero'],
      onOutput: (_, chunk) => {
        seen += chunk.length;
      },
    },
    100,
    'it',
  );
  assert.equal((await instance.run(request)).exitCode, 0);
  assert.equal(seen, 100);
});

test('processes that a command leaves running may print, but not without end', LONG, async () => {
  // This host's limit for output without a reader: the writer gets SIGPIPE.
  let pid = 0;
  await instance.run({
    script: 'yes >/dev/stdout & echo $!',
    onOutput: (_, chunk) => {
      pid ||= Number(/^\d+/m.exec(chunk.toString())?.[0] ?? 0);
    },
  });
  assert.ok(pid > 0);
  const { until } = await import('../platform/clock.ts');
  const { processStartTime } = await import('../platform/processes.ts');
  await until('what was left to end', 40_000, () => (processStartTime(pid) === undefined ? true : undefined));
});
