import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from './clock.ts';
import {
  childEnvironment,
  isSameProcess,
  NOTHING_INHERITED,
  ProcessError,
  processStartTime,
  run,
  start,
  SYSTEM_PATH,
} from './processes.ts';

const OWN = {
  PATH: '/opt/bin:/usr/bin',
  HOME: '/home/me',
  TMPDIR: '/tmp/me',
  LANG: 'de_DE.UTF-8',
  LC_ALL: 'de_DE.UTF-8',
  AWS_SECRET_ACCESS_KEY: 'secret',
  INGOT_SECRET_DB: 'secret',
  https_proxy: 'http://me:secret@proxy',
  SSH_AUTH_SOCK: '/run/agent',
  NODE_OPTIONS: '--import /evil.mjs',
  LD_PRELOAD: '/evil.so',
};
const MINIMAL = { PATH: OWN.PATH, HOME: OWN.HOME, TMPDIR: OWN.TMPDIR, LC_ALL: 'C.UTF-8' };

test('a child gets a minimal environment, and the variables that its caller names', () => {
  const cases: readonly (readonly [Parameters<typeof childEnvironment>[1], Record<string, string>])[] = [
    [{}, MINIMAL],
    [{ env: { A: '1', HOME: undefined } }, { PATH: OWN.PATH, TMPDIR: OWN.TMPDIR, LC_ALL: 'C.UTF-8', A: '1' }],
    [{ env: NOTHING_INHERITED }, { PATH: SYSTEM_PATH, LC_ALL: 'C.UTF-8' }],
    [{ inherit: ['https_proxy', 'absent'] }, { ...MINIMAL, https_proxy: OWN.https_proxy }],
    [{ inherit: ['SSH_*'] }, { ...MINIMAL, SSH_AUTH_SOCK: OWN.SSH_AUTH_SOCK }],
    [
      { inherit: ['LC_ALL'], env: { PATH: '/bin' } },
      { ...MINIMAL, LC_ALL: OWN.LC_ALL, PATH: '/bin' },
    ],
    [
      { inherit: 'all', env: { A: '1', LANG: undefined } },
      { ...Object.fromEntries(Object.entries(OWN).filter(([name]) => name !== 'LANG')), A: '1' },
    ],
  ];
  for (const [options, expected] of cases) assert.deepEqual(childEnvironment(OWN, options), expected);
  assert.deepEqual(childEnvironment({}, {}), {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C.UTF-8',
  });
});

test("children of run and start do not have this process's secrets", async () => {
  process.env['INGOT_SECRET_OF_THIS_TEST'] = 'marker';
  try {
    const { stdout } = await run(['env']);
    assert.doesNotMatch(stdout, /marker/);
    assert.match(stdout, /^PATH=/m);
    const child = await start(['env'], { env: { A: 'given' } });
    let said = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await new Promise((resolve) => child.stdout!.on('end', resolve));
    assert.doesNotMatch(said, /marker/);
    assert.match(said, /^A=given$/m);
    assert.match((await run(['env'], { inherit: ['INGOT_SECRET_*'] })).stdout, /marker/);
  } finally {
    delete process.env['INGOT_SECRET_OF_THIS_TEST'];
  }
});

const LONG = { timeout: 60_000 };

describe('a command that prints without end', () => {
  for (const stream of ['stdout', 'stderr'] as const) {
    test(`is killed once it exceeds its limit, on ${stream}`, LONG, async () => {
      const script = stream === 'stdout' ? 'exec yes' : 'exec yes >&2';
      await assert.rejects(
        run(['sh', '-c', script], { maxOutput: 1 << 20 }),
        (error: unknown) =>
          error instanceof ProcessError && error.tooMuchOutput && error.message === 'sh printed more than 1 MiB',
      );
    });
  }

  test('is killed by an error of its handler, which the caller gets', LONG, async () => {
    let calls = 0;
    const thrown = new Error('the handler has seen enough');
    await assert.rejects(
      run(['yes'], {
        onStdout: () => {
          calls++;
          throw thrown;
        },
      }),
      (error) => error === thrown,
    );
    assert.equal(calls, 1);
  });

  test('is abandoned if it has its own session and keeps the output open', LONG, async () => {
    // The flood survives the kill of the group; it ends when its output is closed.
    const pids: number[] = [];
    const script = "setsid sh -c 'echo $$; exec yes' & exit 0";
    const started = new Promise<string>((resolve) => {
      const onStdout = (chunk: Buffer): void => {
        const pid = /^(\d+)\n/.exec(chunk.toString('latin1'))?.[1];
        if (pid !== undefined && pids.length === 0) {
          pids.push(Number(pid));
          resolve(processStartTime(Number(pid)) ?? '');
        }
      };
      void assert.rejects(
        run(['sh', '-c', script], { onStdout, maxOutput: 1 << 20 }),
        (error: unknown) => error instanceof ProcessError && error.tooMuchOutput,
      );
    });
    const startTime = await started;
    await until('the flood to end', 30_000, () => (isSameProcess(pids[0]!, startTime) ? undefined : true));
  });

  test('does not delay a time-out by a child with its output', LONG, async () => {
    const script = 'setsid sleep 120 & echo $!; wait';
    const error = await run(['sh', '-c', script], { timeoutMs: 200 }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof ProcessError && error.timedOut, String(error));
    process.kill(Number(error.stdout), 'SIGKILL');
  });
});

test('a command within its limit is not affected, and its output is read completely', async () => {
  const { stdout } = await run(['sh', '-c', 'head -c 1048576 /dev/zero | tr "\\0" x'], { maxOutput: 1 << 20 });
  assert.equal(stdout.length, 1 << 20);
});

test("a command's output is in its error, shortened", async () => {
  const error = await run(['sh', '-c', 'head -c 100000 /dev/zero | tr "\\0" x >&2; exit 1']).then(
    () => undefined,
    (reason: unknown) => reason as Error,
  );
  assert.ok(error!.message.length < 5000);
});

test('a missing program is distinguished from one that failed', async () => {
  for (const [argv, notStarted] of [
    [['no-such-program'], true],
    [['false'], false],
  ] as const)
    await assert.rejects(
      run(argv),
      (error: unknown) => error instanceof ProcessError && error.notStarted === notStarted,
    );
});
