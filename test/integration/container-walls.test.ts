/** What holds a component in a system container: each test does from inside what somebody would who wants out. */
import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { text } from 'node:stream/consumers';
import type { CommandRequest, Instance } from '../../src/instances/instance.ts';
import { until } from '../../src/platform/clock.ts';
import { RING_BYTES, ringFiles, ringTail } from '../../src/platform/ring-file.ts';
import { sharedBase } from '../harness/base.ts';
import { outputOf, type Outcome } from '../harness/command-output.ts';
import { launchOn } from '../harness/launch-on.ts';
import { foreignProcesses } from '../harness/seizing.ts';

let instance: Instance;
let end: () => Promise<void>;

before(async () => {
  ({ instance, end } = await launchOn('nspawn', await sharedBase()));
});
after(() => end());

const output = (request: CommandRequest): Promise<Outcome> => outputOf(instance, request);

/** Lines of `/proc/self/status` that say what a process may do. */
const WALLS = ['grep', '-E', '^(CapBnd|CapEff|CapPrm|Seccomp):', '/proc/self/status'];

/**
 * How a program of the image comes to run behind the door: by Ingot's own programs, streams, copies, and what a
 * command's visit runs.
 */
const ways: readonly (readonly [string, () => Promise<string>])[] = [
  ['a command', async () => (await output({ argv: WALLS })).stdout],
  ["a program of Ingot's own", async () => (await output({ argv: WALLS, own: true })).stdout],
  [
    'a command with streams',
    async () => {
      const command = await instance.open({ argv: WALLS, inputEnds: true });
      command.stdin.end();
      command.stderr.resume();
      return text(command.stdout);
    },
  ],
  [
    "a systemctl of the component's own",
    async () => {
      await instance.put(
        '/usr/local/sbin/systemctl',
        `#!/bin/sh\n${WALLS.map((word) => `'${word}'`).join(' ')} >/run/seen\nexec /usr/bin/systemctl "$@"\n`,
        0o755,
      );
      try {
        await output({ argv: ['true'] });
        return (await instance.get('/run/seen')).toString();
      } finally {
        await output({ argv: ['rm', '/usr/local/sbin/systemctl'] });
      }
    },
  ],
];

for (const [name, status] of ways) {
  test(`${name} has no more capabilities than the container, and a filter of system calls`, async () => {
    const bounding = /^CapBnd:\s*(\S+)$/m.exec((await instance.get('/proc/1/status')).toString())![1];
    const seen = Object.fromEntries(
      (await status())
        .trim()
        .split('\n')
        .map((line) => line.split(/:\s*/)),
    );

    deepEqual(seen, { CapPrm: bounding, CapEff: bounding, CapBnd: bounding, Seccomp: '2' });
  });
}

for (const [name, own] of [
  ['a command', false],
  ["a program of Ingot's own", true],
] as const) {
  for (const [what, call, errors] of [
    ['a socket to the hypervisor (vsock)', '41, 40, 1, 0', [97]],
    ['io_uring', '425, 8, 0', [1, 38]],
    ['a key ring', '250, 0, 0, 0', [1, 38]],
    ['bpf', '321, 0, 0, 0', [1, 38]],
  ] as const) {
    test(`${name} gets no ${what}`, async () => {
      const { stdout } = await output({
        argv: ['perl', '-e', `print syscall(${call}) == -1 ? $! + 0 : "open"`],
        ...(own ? { own } : {}),
      });
      ok(
        errors.some((error) => String(error) === stdout),
        stdout,
      );
    });
  }
}

test('nothing with a user of the host is ever visible inside', async () => {
  // The race at length is in test/long; here all ways in are gone once while something looks.
  const seen = await foreignProcesses(instance, async () => {
    for (const [, status] of ways) await status();
    await instance.get('/etc/hostname');
  });

  deepEqual(seen.foreign, []);
  ok(seen.looks > 100, String(seen.looks));
});

test('what it prints on its console fills two files of a limited size, on disk', async () => {
  const path = instance.handle.consoleLog!;
  const line = 'x'.repeat(1000);
  await output({
    script: `for i in $(seq 8000); do echo ${line}; done >/dev/console; echo the end >/dev/console`,
    timeoutSeconds: 120,
  });
  await until('the end of the console', 20_000, async () =>
    (await ringTail(path, 100)).toString().includes('the end') ? true : undefined,
  );

  for (const file of ringFiles(path)) ok(statSync(file).size <= RING_BYTES, file);
  ok(!path.startsWith('/run/'), path);
  const used = readdirSync(String(instance.handle['directory'])).filter((name) => /console/.test(name));
  deepEqual(used, []);
});

test("what a command and its environment hold is in no process's arguments but the command's own", async () => {
  const secret = 'only-the-command-itself-shows-this-5711';
  const running = output({
    argv: ['sh', '-c', 'touch /run/runs; sleep 2', 'sh', secret],
    env: { TOKEN: `${secret}-in-the-environment` },
  });
  await until('the command to run', 10_000, async () =>
    (await output({ argv: ['test', '-e', '/run/runs'], own: true })).exitCode === 0 ? true : undefined,
  );
  const holders = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
        return argv.some((word) => word.includes(secret)) && Number(pid) !== process.pid
          ? [argv.slice(0, 2).join(' ')]
          : [];
      } catch {
        return [];
      }
    });
  await running;

  deepEqual(holders, ['sh -c']);
  equal((await output({ script: 'ls /run/ingot | grep -c words' })).stdout.trim(), '1'); // Its own.
});

const escapes: readonly (readonly [string, string])[] = [
  ['moves itself into another cgroup', 'echo $$ >/sys/fs/cgroup/init.scope/cgroup.procs; exec sleep 6011'],
  [
    'moves a child away that has lost its parent',
    "setsid sh -c 'echo $$ >/sys/fs/cgroup/init.scope/cgroup.procs; exec sleep 6011' & wait",
  ],
  [
    'moves a child away that has no environment',
    "env -i sh -c 'echo $$ >/sys/fs/cgroup/init.scope/cgroup.procs; exec sleep 6011' & wait",
  ],
  ['runs in a scope of its own', 'systemd-run --quiet --scope sleep 6011'],
];
for (const [what, script] of escapes) {
  test(`a deadline ends a command that ${what}`, { timeout: 60_000 }, async () => {
    const { timedOut } = await output({ script, timeoutSeconds: 2 });
    const left = await until('the end of it', 10_000, async () =>
      (await output({ argv: ['pgrep', '-f', 'sleep 6011'], own: true })).exitCode === 1 ? 'gone' : undefined,
    ).catch(() => 'it still runs');

    equal(timedOut, true);
    equal(left, 'gone');
  });
}

test('a service that a command had systemd start outlives its deadline', async () => {
  const { timedOut } = await output({
    script: 'systemd-run --quiet --unit=survivor sleep 6012; sleep 6013',
    timeoutSeconds: 2,
  });

  equal(timedOut, true);
  equal((await output({ argv: ['systemctl', 'is-active', 'survivor'], own: true })).stdout.trim(), 'active');
  await output({ argv: ['systemctl', 'stop', 'survivor'] });
});

test('a visit ends with all that it started', async () => {
  const { stdout } = await output({
    argv: ['sh', '-c', 'setsid sleep 6014 >/dev/null 2>&1 & echo started'],
    own: true,
  });
  const left = await until('its end', 10_000, async () =>
    (await output({ argv: ['pgrep', '-f', 'sleep 6014'], own: true })).exitCode === 1 ? 'gone' : undefined,
  ).catch(() => 'it still runs');

  match(stdout, /started/);
  equal(left, 'gone');
  notEqual((await output({ argv: ['true'] })).exitCode, null);
});
