import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CheckResult } from '../../src/doctor/check.ts';
import { until } from '../../src/platform/clock.ts';
import { RUN_DIRECTORY } from '../../src/platform/host.ts';
import type { RunResult } from '../../src/platform/processes.ts';
import { run, start } from '../harness/processes.ts';
import { assertNothingLeft, hostState, type HostState } from '../harness/host-state.ts';

const LAUNCHER = fileURLToPath(new URL('../../ingot', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/commands/main.ts', import.meta.url));
const TEMPLATE = fileURLToPath(new URL('../../examples/nginx/template.yaml', import.meta.url));

let folder: string;
let state: HostState;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-test-doctor-'));
  state = await hostState();
});

after(async () => {
  await rm(folder, { recursive: true, force: true });
  await assertNothingLeft(state, folder);
});

interface Answer {
  readonly checks: readonly CheckResult[];
  readonly ok: boolean;
}

async function doctor(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<RunResult & { readonly answer: Answer }> {
  const result = await run([LAUNCHER, 'doctor', '--data', join(folder, 'data'), '--json', ...argv], {
    env,
    okCodes: 'any',
    timeoutMs: 180_000,
  });
  return { ...result, answer: JSON.parse(result.stdout) as Answer };
}

function byName(answer: Answer, name: string): CheckResult {
  const found = answer.checks.find((each) => each.name === name);
  assert.ok(found, `no check ${name} in: ${answer.checks.map((each) => each.name).join(', ')}`);
  return found;
}

/** A PATH with all that this host has in its own, but for some programs. */
async function pathWithout(name: string, programs: readonly string[]): Promise<string> {
  const bin = join(folder, name);
  await mkdir(bin);
  for (const from of ['/usr/local/bin', '/usr/bin', '/bin']) {
    for (const program of await readdir(from))
      if (!programs.includes(program) && !existsSync(join(bin, program)))
        await symlink(join(from, program), join(bin, program)).catch(() => {});
  }
  return bin;
}

test('this host, on which the other tests build images: all that is needed works, and was really tried', async () => {
  const { code, answer } = await doctor([]);

  assert.deepEqual(
    answer.checks.filter(({ status }) => status === 'fail'),
    [],
  );
  assert.equal(answer.ok, true);
  assert.equal(code, 0);
  for (const name of [
    'root',
    'data directory',
    'mounting disks',
    'system containers',
    'networks of instances',
    'virtual machines',
    'UEFI firmware',
    'making base images',
    'package mirror',
    'system call filters',
    'user namespaces',
    'data directory access',
  ]) {
    assert.equal(byName(answer, name).status, 'ok', JSON.stringify(byName(answer, name)));
  }
  assert.deepEqual(
    answer.checks.filter(({ group }) => group === 'isolation').map(({ name }) => name),
    [
      'user namespaces',
      'system call filters',
      'cgroups',
      'networks of instances',
      'data directory access',
      'process list',
      'AppArmor, SELinux',
      'KVM',
      'untrusted components',
    ],
  );
  assert.match(byName(answer, 'system containers').detail, /a filter of its system calls/);
  assert.match(byName(answer, 'untrusted components').detail, /ingot:driver: qemu/);
  // Either is right, as the host is; but it says which.
  assert.match(byName(answer, 'KVM').detail, /full speed|emulated/);
  assert.equal(existsSync(join(folder, 'data')), false, 'looking makes no data directory');
});

test('in words: one line for each check, and the verdict at the end', async () => {
  const { stdout, code } = await run([LAUNCHER, 'doctor', '--data', join(folder, 'data')], {
    okCodes: 'any',
    timeoutMs: 180_000,
  });

  assert.equal(code, 0);
  assert.match(stdout, /^ok {4}system containers +\S/m);
  assert.match(stdout, /\n\nIsolation: .*\nok {4}user namespaces +\S/);
  assert.match(stdout, /\nBuilds and tests can work on this host\.\n$/);
});

test('a program that is not there: which package brings it, and exit code 1', async () => {
  const bin = await pathWithout('lacking', ['slirp4netns', 'mmdebstrap']);

  const { code, answer } = await doctor([], { PATH: bin });

  assert.equal(code, 1);
  assert.equal(answer.ok, false);
  const network = byName(answer, 'networks of instances');
  assert.equal(network.status, 'fail');
  assert.match(network.detail, /slirp4netns/);
  assert.equal(network.remedy, 'apt-get install -y --no-install-recommends slirp4netns');
  assert.equal(byName(answer, 'making base images').remedy, 'apt-get install -y --no-install-recommends mmdebstrap');
  assert.equal(byName(answer, 'mounting disks').status, 'ok', 'what does not need it is tried all the same');
});

test('--install installs what is missing, by apt-get, and what it brought is then found', async () => {
  const bin = await pathWithout('installing', ['slirp4netns', 'apt-get']);
  const asked = join(folder, 'asked');
  // Stands for the network and Debian's archive: the package is on this host already.
  await writeFile(
    join(bin, 'apt-get'),
    `#!/bin/sh\necho "$*" >>${asked}\nln -s /usr/bin/slirp4netns ${bin}/slirp4netns\n`,
  );
  await chmod(join(bin, 'apt-get'), 0o755);

  const { code, answer, stderr } = await doctor(['--install'], { PATH: bin });

  assert.equal(await readFile(asked, 'utf8'), 'install -y -q --no-install-recommends slirp4netns\n');
  assert.match(stderr, /installing slirp4netns/);
  assert.equal(byName(answer, 'networks of instances').status, 'ok');
  assert.equal(code, 0);
});

test('a mirror that does not answer is named, with how to set another', async () => {
  const { code, answer } = await doctor([], { INGOT_DEBIAN_MIRROR: 'http://127.0.0.1:9/debian' });

  assert.equal(code, 1);
  const mirror = byName(answer, 'package mirror');
  assert.equal(mirror.status, 'fail');
  assert.match(mirror.detail, /^http:\/\/127\.0\.0\.1:9\/debian cannot be reached: it refuses connections/);
  assert.match(mirror.detail, /INGOT_DEBIAN_MIRROR/);
});

test('what is not the address of a mirror is a finding, not a crash', async () => {
  const { code, answer } = await doctor([], { INGOT_DEBIAN_MIRROR: 'debian' });

  assert.equal(code, 1);
  assert.match(byName(answer, 'package mirror').detail, /INGOT_DEBIAN_MIRROR must be an http or https address/);
  assert.equal(byName(answer, 'clock').status, 'ok');
});

test('a data directory that cannot be one', async () => {
  await writeFile(join(folder, 'file'), '');
  const { stdout, code } = await run([LAUNCHER, 'doctor', '--json', '--data', join(folder, 'file', 'data')], {
    okCodes: 'any',
    timeoutMs: 180_000,
  });

  assert.equal(code, 1);
  const space = byName(JSON.parse(stdout) as Answer, 'data directory');
  assert.deepEqual([space.status, space.detail], ['fail', `${join(folder, 'file')} is not a folder`]);
});

test('one that is killed leaves what the next one lets go', async () => {
  const killed = await start([process.execPath, MAIN, 'doctor', '--data', join(folder, 'data')], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const owners = await until('the doctor to take something of the host', 60_000, async () => {
    const mine = await ownersOf(killed.pid);
    return [...(await hostState())].some(
      (line) => line.startsWith('loop device') && mine.some((owner) => line.includes(owner)),
    )
      ? mine
      : undefined;
  });
  killed.kill('SIGKILL');
  await killed.exited;

  const { code } = await doctor([]);

  assert.equal(code, 0);
  assert.deepEqual(
    [...(await hostState())].filter((line) => owners.some((owner) => line.includes(owner))),
    [],
  );
});

/** The names under which a doctor holds things, from its journals. */
async function ownersOf(pid: number): Promise<readonly string[]> {
  const owners: string[] = [];
  for (const name of (await readdir(RUN_DIRECTORY)).filter((each) => /^doctor-.*\.json$/.test(each))) {
    const text = await readFile(join(RUN_DIRECTORY, name), 'utf8').catch(() => '');
    if (text.startsWith(`{"pid":${pid},`)) owners.push(name.replace('.json', ''));
  }
  return owners;
}

test('a build that needs what is missing says so before it starts anything', async () => {
  const bin = await pathWithout('building', ['qemu-img']);

  // Not through the launcher, which would install it.
  const { code, stderr, stdout } = await run(
    [process.execPath, MAIN, 'build', TEMPLATE, '--data', join(folder, 'data')],
    { env: { PATH: `${bin}:/usr/sbin:/sbin` }, okCodes: 'any', timeoutMs: 60_000 },
  );

  assert.equal(code, 1);
  assert.match(
    `${stdout}${stderr}`,
    /this host cannot build images yet: Debian packages are missing: qemu-utils \(\.\/ingot doctor --install installs them\)/,
  );
  assert.equal(existsSync(join(folder, 'data', 'server.log')), false, 'no server was started');
});

test('an image whose tests cannot run here fails before its build begins, with what is missing', async () => {
  const bin = await pathWithout('testless', ['qemu-system-x86_64']);
  const env = { PATH: `${bin}:/usr/sbin:/sbin` };
  const data = join(folder, 'testless-data');
  try {
    const { code, stdout } = await run([process.execPath, MAIN, 'build', TEMPLATE, '--data', data, '--json'], {
      env,
      okCodes: 'any',
      timeoutMs: 120_000,
    });

    assert.equal(code, 1);
    const records = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly type: string; readonly status?: string; readonly reason?: string });
    const result = records.at(-1)!;
    assert.equal(result.status, 'FAILED');
    assert.match(
      result.reason ?? '',
      /could be built here but not tested: .*qemu-system-x86_64 is missing: install the Debian package qemu-system-x86/,
    );
    assert.deepEqual(
      records.filter(({ type }) => type === 'state').map(({ status }) => status),
      ['CREATING', 'FAILED'],
    );
  } finally {
    await run([process.execPath, MAIN, 'stop', '--data', data], { okCodes: 'any', timeoutMs: 60_000 });
  }
});

test('the question inside a network is asked on a host whose deadlines are no whole multiple', async () => {
  const inside = fileURLToPath(new URL('../../src/doctor/inside-network.ts', import.meta.url));
  const question = { nameserver: '127.0.0.1', name: 'name.invalid', port: 80, closed: [], closedPort: 1 };
  const { stdout } = await run([process.execPath, inside, JSON.stringify(question)], {
    env: { INGOT_PATIENCE: '1.23456' },
  });
  assert.deepEqual(Object.keys((JSON.parse(stdout) as { dns: object }).dns), ['failure']);
});
