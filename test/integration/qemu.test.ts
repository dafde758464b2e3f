/**
 * Virtual machines for real. Few boots, each used for much: under emulation one takes a quarter of a minute and more.
 */
import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createOverlay, diskChain } from '../../src/images/disks.ts';
import { InstanceError, type CommandRequest, type Instance, type LaunchRequest } from '../../src/instances/instance.ts';
import { qemuDriver } from '../../src/instances/qemu/driver.ts';
import { until } from '../../src/platform/clock.ts';
import { memoryRecorder, type HeldRecorder } from '../../src/platform/held.ts';
import { freePort } from '../../src/platform/host.ts';
import { newInstanceId } from '../../src/platform/ids.ts';
import { run } from '../harness/processes.ts';
import { sharedBase } from '../harness/base.ts';
import { outputOf } from '../harness/command-output.ts';
import { assertNothingLeft, hostState, type HostState } from '../harness/host-state.ts';
import { CASES_METADATA, metadataCases } from '../harness/metadata-cases.ts';
import { commandsWhileUnitsAreReadAnew } from '../harness/reload-cases.ts';

const dataDirectory = join(mkdtempSync(join(tmpdir(), 'ingot-qemu-')), 'data directory');
// Several test files and builds may share the host's processors.
const PATIENCE_SECONDS = 400;
let base: string;
let hostBefore: HostState;
let overlays = 0;

function overlayPath(): string {
  return join(dataDirectory, `layer-${overlays++}, a.qcow2`);
}

interface Launched {
  readonly instance: Instance;
  readonly disk: string;
  readonly held: HeldRecorder;
  readonly reported: string[];
  readonly console: string[];
}

async function launch(options: Partial<LaunchRequest> = {}): Promise<Launched> {
  const disk = options.disk ?? overlayPath();
  if (options.disk === undefined) await createOverlay(base, disk);
  const id = newInstanceId();
  const held = memoryRecorder(id);
  const reported: string[] = [];
  const console: string[] = [];
  const instance = await qemuDriver.launch({
    id,
    disk,
    cpus: 2,
    memoryMiB: 1024,
    directory: `/run/ingot/${id}`,
    allocationOwner: { dataDirectory, owner: id },
    held,
    timeoutSeconds: PATIENCE_SECONDS,
    metadata: CASES_METADATA,
    report: ({ text, stream }) => void (stream === 'console' ? console : reported).push(text),
    ...options,
  });
  return { instance, disk, held, reported, console };
}

before(async () => {
  await mkdir(dataDirectory, { recursive: true });
  base = await sharedBase();
  hostBefore = await hostState();
});

after(async () => {
  await assertNothingLeft(hostBefore, dataDirectory);
  await rm(join(dataDirectory, '..'), { recursive: true, force: true });
});

test('this host lacks nothing for virtual machines', async () => deepEqual(await qemuDriver.missing(), []));

describe('a machine booted by BIOS', () => {
  let launched: Launched;
  let instance: Instance;
  let hostPort: number;

  before(async () => {
    hostPort = await freePort();
    launched = await launch({ publish: [{ hostPort, instancePort: 8000 }] });
    instance = launched.instance;
  });

  after(async () => {
    await instance?.terminate();
  });

  test('says what it waited for and shows its console', () => {
    match(launched.reported.join('\n'), /KVM|emulation/);
    match(launched.reported.join('\n'), /waiting for .* its guest agent/);
    match(launched.console.join('\n'), /Linux version|systemd\[1\]|OK/);
  });

  test('gets commands exactly as they are', async () => {
    const argv = ['printf', '[%s]', '$HOME', '$$', '${x}', '%n', "it's", '"q"', '', 'a b\nc', '*', 'ü'];
    deepEqual(await outputOf(instance, { argv }), {
      exitCode: 0,
      signal: null,
      timedOut: false,
      stdout: argv
        .slice(2)
        .map((each) => `[${each}]`)
        .join(''),
      stderr: '',
    });
  });

  test('keeps streams, exit codes and signals apart', async () => {
    const script = 'echo out; echo err >&2; echo more >/dev/stderr; read line; echo "stdin: $?"; exit 255';
    deepEqual(await outputOf(instance, { script }), {
      exitCode: 255,
      signal: null,
      timedOut: false,
      stdout: 'out\nstdin: 1\n',
      stderr: 'err\nmore\n',
    });
    equal((await outputOf(instance, { script: 'exit 137' })).exitCode, 137);
    deepEqual(await instance.run({ script: 'kill -SEGV $$' }), { exitCode: null, signal: 'SIGSEGV', timedOut: false });
    equal((await outputOf(instance, { argv: ['/no/such/program'] })).exitCode, 127);
    equal((await outputOf(instance, { argv: ['/etc/passwd'] })).exitCode, 126);
  });

  test('gives a command its environment, folder, user and stdin', async () => {
    const script = 'echo "$A|$PWD|$(id -un)"';
    equal(
      (await outputOf(instance, { argv: ['sh', '-c', script], env: { A: '$x "y"\n%z' }, cwd: '/usr', user: 'nobody' }))
        .stdout,
      '$x "y"\n%z|/usr|nobody\n',
    );
    const stdin = randomBytes(600_000);
    equal(
      (await outputOf(instance, { argv: ['sha256sum'], stdin })).stdout.slice(0, 64),
      createHash('sha256').update(stdin).digest('hex'),
    );
    await rejects(
      instance.run({ argv: ['true'], user: 'nobody-by-this-name' }),
      (error: InstanceError) => error.name === 'InstanceError' && /no such user/.test(error.message),
    );
  });

  test('takes a short way to a program of its own, with the same ends', async () => {
    const script = 'echo "$A|$PWD|$(umask)"; echo err >&2; cat; exit 3';
    const stdin = Buffer.from([0x61, 0x0a]);
    deepEqual(
      await outputOf(instance, { argv: ['sh', '-c', script], env: { A: '$x "y"\n%z' }, cwd: '/usr', stdin, own: true }),
      {
        exitCode: 3,
        signal: null,
        timedOut: false,
        stdout: '$x "y"\n%z|/usr|0022\na\n',
        stderr: 'err\n',
      },
    );
    equal((await outputOf(instance, { argv: ['/no/such/program'], own: true })).exitCode, 127);
    deepEqual(await instance.run({ argv: ['sh', '-c', 'kill -SEGV $$'], own: true }), {
      exitCode: null,
      signal: 'SIGSEGV',
      timedOut: false,
    });
    deepEqual(await instance.run({ argv: ['sleep', '6005'], timeoutSeconds: 1, own: true }), {
      exitCode: null,
      signal: 'SIGKILL',
      timedOut: true,
    });
    equal((await outputOf(instance, { script: 'pgrep -f "^sleep 6005"' })).exitCode, 1);
    await rejects(
      instance.run({ argv: ['sh', '-c', 'head -c 30000000 /dev/zero'], own: true }),
      /printed more than the guest agent takes/,
    );
  });

  test('shows output while a command runs, and survives a restart of its agent', async () => {
    const seen: string[] = [];
    let restarted = false;
    const script =
      'echo before; sleep 2; systemctl restart qemu-guest-agent; sleep 1; while ! [ -e /tmp/go ]; do sleep 0.2; ' +
      'done; echo after; exit 7';
    const running = instance.run({ script, onOutput: (_, chunk) => void seen.push(chunk.toString()) }).finally(() => {
      restarted = true;
    });
    await until('the first line', 60_000, () => (seen.join('') === 'before\n' ? true : undefined));
    equal(restarted, false);
    await instance.put('/tmp/go', '');
    equal((await running).exitCode, 7);
    equal(seen.join(''), 'before\nafter\n');
  });

  test('waits for a command without filling the journal of the guest', async () => {
    const opened = "journalctl --boot --quiet | grep -c 'guest-file-open called'";
    const { stdout } = await outputOf(instance, { script: `sleep 3; a=$(${opened}); sleep 3; echo $a $(${opened})` });
    const [before, after] = stdout.trim().split(' ').map(Number);
    ok(before! > 0);
    equal(after, before);
  });

  test('loses no exit code when the service manager reloads its units', async () => {
    deepEqual(await instance.run({ script: 'systemctl daemon-reload; exit 7' }), {
      exitCode: 7,
      signal: null,
      timedOut: false,
    });
    const other = outputOf(instance, {
      script: 'while ! [ -e /tmp/reloaded ]; do sleep 0.2; done; exit 5',
      user: 'nobody',
    });
    equal((await outputOf(instance, { script: 'systemctl daemon-reload; touch /tmp/reloaded' })).exitCode, 0);
    deepEqual(await other, { exitCode: 5, signal: null, timedOut: false, stdout: '', stderr: '' });
  });

  test('goes on, and answers, when its units are isolated', async () => {
    const { exitCode, stderr } = await outputOf(instance, {
      script:
        'set -e; systemctl isolate multi-user.target; systemctl isolate graphical.target; hostname -f; sudo -n true',
    });
    deepEqual([exitCode, stderr], [0, '']);
    equal((await outputOf(instance, { script: 'systemctl is-active qemu-guest-agent ingot-relay' })).exitCode, 0);
  });

  test('gets commands as they are while the service manager reloads its units', () =>
    commandsWhileUnitsAreReadAnew(instance, 2));

  test('kills all that a command started at its deadline, and leaves services alone', async () => {
    const script =
      'systemd-run --quiet --unit=survivor sleep 6000; setsid sleep 6001 & sleep 6002 & echo started; wait';
    const result = await outputOf(instance, { script, timeoutSeconds: 8 });
    deepEqual(result, { exitCode: null, signal: 'SIGKILL', timedOut: true, stdout: 'started\n', stderr: '' });
    equal(
      (
        await outputOf(instance, {
          script: 'pgrep -f "^sleep 600[12]"; systemctl is-active survivor; systemctl stop survivor',
        })
      ).stdout,
      'active\n',
    );
  });

  test('ends a command on request', async () => {
    const abort = new AbortController();
    const running = instance.run({
      script: 'echo started; sleep 6003',
      signal: abort.signal,
      onOutput: () => abort.abort(new Error('enough')),
    });
    await rejects(running, /enough/);
    equal((await outputOf(instance, { script: 'pgrep -f "^sleep 6003"' })).exitCode, 1);
  });

  test('does not wait for what a command leaves running', async () => {
    equal((await outputOf(instance, { script: 'sleep 6004 & echo done' })).stdout, 'done\n');
    equal((await instance.run({ script: 'pkill -f "^sleep 6004"' })).exitCode, 0);
  });

  test('has all of the output when the guest is slow to pass it on, whichever process still holds it', async () => {
    const stall =
      "systemd-run --quiet --no-block sh -c 'sleep 3; systemctl kill --signal=CONT ingot-relay.service'\nsystemctl " +
      'kill --signal=STOP ingot-relay.service\n';
    equal((await outputOf(instance, { script: `${stall}echo the end` })).stdout, 'the end\n');
    equal((await outputOf(instance, { script: `${stall}sleep 6006 &\necho the end` })).stdout, 'the end\n');
  });

  test('passes 30 MB of output on, whole, both streams at once', async () => {
    const hashes = { stdout: createHash('sha256'), stderr: createHash('sha256') };
    const sizes = { stdout: 0, stderr: 0 };
    const onOutput: CommandRequest['onOutput'] = (stream, chunk) => {
      hashes[stream].update(chunk);
      sizes[stream] += chunk.length;
    };
    const result = await instance.run({
      script: 'seq 3500000 | head -c 26000000 & seq 700000 | head -c 4000000 >&2; wait',
      onOutput,
    });
    equal(result.exitCode, 0);
    deepEqual(sizes, { stdout: 26_000_000, stderr: 4_000_000 });
    const expected = (count: number, bytes: number): string => {
      const text = Array.from({ length: count }, (_, index) => `${index + 1}\n`)
        .join('')
        .slice(0, bytes);
      return createHash('sha256').update(text).digest('hex');
    };
    equal(hashes.stdout.digest('hex'), expected(3_500_000, 26_000_000));
    equal(hashes.stderr.digest('hex'), expected(700_000, 4_000_000));
  });

  test('takes and gives files', async () => {
    const content = randomBytes(3_000_000);
    await instance.put('/opt/a folder/a file', content, 0o640);
    equal(
      (await outputOf(instance, { argv: ['stat', '-c', '%a %U %s', '/opt/a folder/a file'] })).stdout,
      '640 root 3000000\n',
    );
    deepEqual(await instance.get('/opt/a folder/a file'), content);
    await instance.put('/opt/small', 'text');
    equal((await instance.get('/opt/small')).toString(), 'text');
    await rejects(instance.get('/opt/none'), { name: 'InstanceError', message: /\/opt\/none/ });
    equal((await outputOf(instance, { script: 'ls /opt/a\\ folder' })).stdout, 'a file\n');
  });

  test('is reached at its published port', async () => {
    const server =
      'from http.server import *\nclass H(BaseHTTPRequestHandler):\n  def do_GET(s):\n    s.send_response(200); ' +
      's.end_headers(); s.wfile.write(b"hello from inside")\nHTTPServer(("", 8000), H).serve_forever()\n';
    await instance.put('/opt/server.py', server);
    equal(
      (await instance.run({ argv: ['systemd-run', '--quiet', '--unit=web', 'python3', '/opt/server.py'] })).exitCode,
      0,
    );
    const text = await until(
      'the page',
      60_000,
      async () => {
        try {
          return await (await fetch(`http://127.0.0.1:${hostPort}/`, { signal: AbortSignal.timeout(5000) })).text();
        } catch {
          return undefined;
        }
      },
      { everyMs: 500 },
    );
    equal(text, 'hello from inside');
  });

  metadataCases(() => instance);

  test('reaches neither the loopback nor the own address of the host, and asks its resolver', async () => {
    const server = createServer((socket) => socket.end('secret'));
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '0.0.0.0', () => resolve((server.address() as AddressInfo).port)),
    );
    try {
      const own = Object.values(networkInterfaces())
        .flat()
        .filter((each) => each?.family === 'IPv4' && !each.internal)
        .map((each) => each!.address);
      for (const address of ['127.0.0.1', '10.0.2.2', '10.0.3.2', '169.254.169.254', ...own]) {
        const { stdout, exitCode } = await outputOf(instance, {
          argv: ['timeout', '5', 'bash', '-c', `cat </dev/tcp/${address}/${port}`],
        });
        equal(stdout, '', `${address} is closed`);
        notEqual(exitCode, 0, `${address} is closed`);
      }
    } finally {
      server.close();
    }
    match(
      (await outputOf(instance, { script: 'resolvectl dns 2>/dev/null || cat /etc/resolv.conf' })).stdout,
      /10\.0\.3\.3/,
    );
  });

  test('seals a layer while it writes, and goes on in the next', async () => {
    await instance.put('/opt/layer', 'one');
    const next = overlayPath();
    const writing = instance.run({
      script: 'for i in $(seq 20); do dd if=/dev/urandom of=/opt/noise bs=1M count=2 conv=fsync status=none; done',
    });
    await instance.snapshot(next);
    const size = (await run(['stat', '-c', '%s %Y', launched.disk])).stdout;
    equal((await writing).exitCode, 0);
    await instance.put('/opt/layer', 'two');
    await instance.run({ argv: ['sync'] });
    equal((await run(['stat', '-c', '%s %Y', launched.disk])).stdout, size);
    await run(['qemu-img', 'check', '-q', '-U', launched.disk]);
    deepEqual((await diskChain(next)).map((each) => each.backing).slice(0, 2), [launched.disk, base]);
    const afterNext = overlayPath();
    await instance.snapshot(afterNext);
    equal((await diskChain(afterNext))[0]!.backing, next);
    equal((await instance.get('/opt/layer')).toString(), 'two');
  });

  test('reboots and goes on once its services have started, and names the one that failed', async () => {
    const unit = (command: string): string =>
      `[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=${command}\n[Install]\nWantedBy=multi-user.target\n`;
    await instance.put('/etc/systemd/system/slow.service', unit('/bin/sleep 8'));
    await instance.put('/etc/systemd/system/failing.service', unit('/bin/false'));
    await instance.run({ argv: ['systemctl', 'enable', 'slow', 'failing'] });
    const old = (await outputOf(instance, { argv: ['cat', '/proc/sys/kernel/random/boot_id'] })).stdout.trim();
    const fresh = await instance.reboot({ timeoutSeconds: PATIENCE_SECONDS });
    notEqual(fresh, old);
    equal((await outputOf(instance, { argv: ['systemctl', 'is-active', 'slow'] })).stdout, 'active\n');
    match(launched.reported.join('\n'), /these of its units failed: failing\.service$/m);
    equal((await outputOf(instance, { argv: ['cat', '/proc/sys/kernel/random/boot_id'] })).stdout.trim(), fresh);
    equal((await instance.get('/opt/layer')).toString(), 'two');
  });

  test('stops cleanly and leaves whole disks', async () => {
    await instance.stop();
    match((await instance.consoleTail(40)).join('\n'), /Power-Off|Powering off|power down/i);
    await run(['qemu-img', 'check', '-q', launched.disk]);
    await instance.terminate();
    await instance.terminate();
    deepEqual(await launched.held.list(), []);
  });
});

describe('a detached machine booted by UEFI with a seed', () => {
  let launched: Launched;

  before(async () => {
    launched = await launch({
      firmware: 'uefi',
      detached: true,
      seed: {
        hostname: 'seeded',
        sshKeys: ['ssh-ed25519 AAAAC3Nz test@test'],
        userData: '#!/bin/sh\necho "user data ran" >/root/user-data\n',
      },
    });
  });

  after(async () => {
    await launched?.instance.terminate();
  });

  test('has UEFI, and its seed', async () => {
    const { instance } = launched;
    equal((await outputOf(instance, { argv: ['test', '-d', '/sys/firmware/efi'] })).exitCode, 0);
    equal((await instance.get('/root/user-data')).toString(), 'user data ran\n');
    match(
      (await outputOf(instance, { script: 'hostname; cat /home/*/.ssh/authorized_keys' })).stdout,
      /^seeded\n[^]*test@test/,
    );
  });

  test('is taken over by another process', async () => {
    const program = `
      import { memoryRecorder } from '${new URL('../../src/platform/held.ts', import.meta.url).href}';
      import { qemuDriver } from '${new URL('../../src/instances/qemu/driver.ts', import.meta.url).href}';
      const instance = await qemuDriver.attach(JSON.parse(process.argv[1]), memoryRecorder('other'));
      const onOutput = (_: unknown, chunk: Buffer): boolean => process.stdout.write(chunk);
      const { exitCode } = await instance.run({ argv: ['hostname'], onOutput });
      process.exitCode = exitCode;`;
    const { stdout } = await run([
      process.execPath,
      '--input-type=module-typescript',
      '-e',
      program,
      JSON.stringify(launched.instance.handle),
    ]);
    equal(stdout, 'seeded\n');
  });

  test('whose QEMU dies in the middle of a command is said to be gone, with its console', async () => {
    const { instance } = launched;
    const running = instance.run({
      script: 'echo started; sleep 6005',
      onOutput: () => process.kill(instance.handle['pid'] as number, 'SIGKILL'),
    });
    await rejects(
      running,
      (error: InstanceError) =>
        error instanceof InstanceError &&
        /gone: its QEMU process ended/.test(error.message) &&
        error.console.length > 0,
    );
    await rejects(instance.run({ argv: ['true'] }), /gone/);
    await rejects(qemuDriver.attach(instance.handle, launched.held), /no longer runs/);
    await instance.terminate();
    ok(!existsSync(instance.handle['directory'] as string));
  });
});

test('a disk that does not boot is known at once, with the console, and nothing is left', async () => {
  const disk = overlayPath();
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', disk, '64M']);
  await rejects(
    launch({ disk }),
    (error: InstanceError) =>
      error instanceof InstanceError &&
      /nothing to boot/.test(error.message) &&
      /bootable/i.test(error.console.join('\n')),
  );
});

test('a launch that is given up leaves nothing', async () => {
  const abort = new AbortController();
  const launching = launch({
    signal: abort.signal,
    report: ({ text }) => void (/waiting for/.test(text) && abort.abort(new Error('given up'))),
  });
  await rejects(launching, /given up/);
});
