/** System containers for real: commands, files, network, layers, ends. */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { markFirstBoot, rebootMarked } from '../../src/guest/first-boot.ts';
import { takeOutNetworkSettings } from '../../src/guest/network-settings.ts';
import { sanitizeCommand } from '../../src/guest/sanitize.ts';
import { attachDisk } from '../../src/images/attach.ts';
import { createOverlay, diskChain } from '../../src/images/disks.ts';
import { rootPartition } from '../../src/images/partitions.ts';
import { InstanceError, type CommandRequest, type Instance, type PublishedPort } from '../../src/instances/instance.ts';
import { nspawnDriver } from '../../src/instances/nspawn/driver.ts';
import { sleep, until } from '../../src/platform/clock.ts';
import { memoryRecorder, releaseAll, type HeldRecorder, type HeldThing } from '../../src/platform/held.ts';
import { freePort } from '../../src/platform/host.ts';
import { newInstanceId } from '../../src/platform/ids.ts';
import { run, start } from '../../src/platform/processes.ts';
import { sharedBase } from '../harness/base.ts';
import { outputOf, type Outcome } from '../harness/command-output.ts';
import { assertNothingLeft, hostState, type HostState } from '../harness/host-state.ts';
import { CASES_METADATA, metadataCases } from '../harness/metadata-cases.ts';
import { commandsWhileUnitsAreReadAnew } from '../harness/reload-cases.ts';
import { processesWith } from '../harness/stages.ts';

const dataDirectory = join(mkdtempSync(join(tmpdir(), 'ingot-nspawn-')), 'data directory');
let base: string;
let hostBefore: HostState;
let overlays = 0;
/** How long the host had been up before any container here, in seconds. */
const UPTIME_BEFORE = uptime();

function overlayPath(): string {
  return join(dataDirectory, `layer-${overlays++}.qcow2`);
}

interface Launched {
  readonly instance: Instance;
  readonly disk: string;
  readonly held: HeldRecorder;
}

async function launch(
  options: {
    readonly publish?: readonly PublishedPort[];
    readonly sizeBytes?: number;
    readonly disk?: string;
    readonly cpus?: number;
  } = {},
): Promise<Launched> {
  const disk = options.disk ?? overlayPath();
  if (options.disk === undefined) await createOverlay(base, disk, options.sizeBytes);
  const id = newInstanceId();
  const held = memoryRecorder(id);
  const instance = await nspawnDriver.launch({
    id,
    disk,
    cpus: options.cpus ?? 2,
    memoryMiB: 1024,
    directory: `/run/ingot/${id}`,
    allocationOwner: { dataDirectory, owner: id },
    held,
    metadata: CASES_METADATA,
    ...(options.publish ? { publish: options.publish } : {}),
  });
  return { instance, disk, held };
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

test('this host lacks nothing for containers', async () => deepEqual(await nspawnDriver.missing(), []));

describe('a container', () => {
  let instance: Instance;
  let disk: string;
  let held: HeldRecorder;
  let hostPort: number;

  before(async () => {
    hostPort = await freePort();
    ({ instance, disk, held } = await launch({ publish: [{ hostPort, instancePort: 8080 }] }));
  });
  after(() => instance?.terminate());

  const endings: readonly (readonly [string, CommandRequest, Partial<Outcome>])[] = [
    ['success', { argv: ['true'] }, { exitCode: 0, signal: null, timedOut: false }],
    ['an exit code', { argv: ['sh', '-c', 'exit 3'] }, { exitCode: 3, signal: null }],
    [
      'the exit code that systemd-run gives signals',
      { argv: ['sh', '-c', 'exit 255'] },
      { exitCode: 255, signal: null },
    ],
    ['an exit code that a shell gives signals', { argv: ['sh', '-c', 'exit 143'] }, { exitCode: 143, signal: null }],
    ['a missing program', { argv: ['no-such-program'] }, { exitCode: 127, signal: null }],
    ['a file that cannot be executed', { argv: ['/etc/passwd'] }, { exitCode: 126, signal: null }],
    ['a signal', { argv: ['sh', '-c', 'kill -SEGV $$'] }, { exitCode: null, signal: 'SIGSEGV', timedOut: false }],
    [
      'a signal that is a clean end for a service',
      { argv: ['sh', '-c', 'kill -TERM $$'] },
      { exitCode: null, signal: 'SIGTERM' },
    ],
    [
      'the streams',
      { script: 'echo out; echo err >&2; echo more >/dev/stderr' },
      { stdout: 'out\n', stderr: 'err\nmore\n' },
    ],
    [
      'arguments that nothing expands',
      { argv: ['printf', '%s|', '$HOME', '${HOME}', '$$', '%n', 'a b', '', '\\n', '"'] },
      { stdout: '$HOME|${HOME}|$$|%n|a b||\\n|"|' },
    ],
    [
      'an environment',
      { argv: ['sh', '-c', 'echo "$A|$B"'], env: { A: 'x y $HOME', B: 'Zürich\n2' } },
      { stdout: 'x y $HOME|Zürich\n2\n' },
    ],
    ['a working directory', { argv: ['pwd'], cwd: '/usr/share' }, { stdout: '/usr/share\n' }],
    [
      'a user',
      { script: 'id -un; cat "$0" >/dev/null && echo reads its script', user: 'nobody' },
      { stdout: 'nobody\nreads its script\n', exitCode: 0 },
    ],
    ['stdin', { argv: ['cat', '/dev/stdin'], stdin: 'hello' }, { stdout: 'hello' }],
    ['a script whose stdin is closed', { script: 'cat; echo after' }, { stdout: 'after\n', exitCode: 0 }],
    ['a script that goes on after a failure', { script: 'false\necho on' }, { stdout: 'on\n', exitCode: 0 }],
    ['a broken pipe that ends quietly', { script: 'yes | head -n 1' }, { stdout: 'y\n', stderr: '' }],
    [
      'a deadline',
      { argv: ['sh', '-c', 'sleep 300 & sleep 300'], timeoutSeconds: 1 },
      { exitCode: null, timedOut: true },
    ],
    [
      'a deadline that SIGTERM cannot meet',
      { script: 'trap "" TERM; while :; do sleep 1; done', timeoutSeconds: 1 },
      { timedOut: true },
    ],
  ];
  for (const [name, request, expected] of endings) {
    test(`runs commands: ${name}`, async () => {
      const outcome = await outputOf(instance, request);

      deepEqual(
        Object.fromEntries(Object.keys(expected).map((key) => [key, outcome[key as keyof Outcome]])),
        expected,
        JSON.stringify(outcome),
      );
    });
  }

  test('streams 50 MB of bytes', async () => {
    const hash = createHash('sha256');
    let size = 0;
    let line = '';
    await instance.run({
      script: 'head -c 50000000 /dev/urandom | tee /var/tmp/big; sha256sum /var/tmp/big >&2; rm /var/tmp/big',
      onOutput: (stream, chunk) => {
        if (stream === 'stderr') line += chunk.toString();
        else {
          hash.update(chunk);
          size += chunk.length;
        }
      },
    });

    equal(size, 50_000_000);
    equal(line.slice(0, 64), hash.digest('hex'));
  });

  test('takes 20 MB on stdin', async () => {
    const input = randomBytes(20_000_000);

    const { stdout } = await outputOf(instance, { argv: ['sha256sum'], stdin: input });

    equal(stdout.slice(0, 64), createHash('sha256').update(input).digest('hex'));
  });

  test('an abort ends the command', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    const running = instance.run({ script: 'echo $$ >/run/aborted; sleep 300', signal: abort.signal });
    await until('the command to run', 10_000, async () =>
      (await outputOf(instance, { argv: ['test', '-s', '/run/aborted'] })).exitCode === 0 ? true : undefined,
    );

    abort.abort(reason);

    await rejects(running, reason);
    equal((await outputOf(instance, { script: 'test -d /proc/$(cat /run/aborted)' })).exitCode, 1);
  });

  test('what a command leaves running does not hold it up, and goes on', async () => {
    const { stdout } = await outputOf(instance, {
      script: '(while :; do echo again; sleep 0.1; done) & echo $! >/run/left; echo done',
    });

    match(stdout, /done/);
    await sleep(500);
    equal((await outputOf(instance, { script: 'kill $(cat /run/left)' })).exitCode, 0);
  });

  test('a systemd that executes itself anew does not lose the command', async () => {
    const { exitCode, stdout } = await outputOf(instance, {
      script: 'systemctl daemon-reexec; sleep 1; echo still here; exit 7',
    });

    deepEqual([exitCode, stdout], [7, 'still here\n']);
  });

  test('a command whose end systemd-run is not told of does not wait for ever', async () => {
    // As on a host that stood still: the manager's connections are gone.
    const ended = await outputOf(instance, { script: 'pkill -STOP -x systemd-run; echo out; exit 3' });
    deepEqual([ended.stdout, ended.exitCode], ['out\n', 3]);
  });

  test('commands run side by side', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, index) => outputOf(instance, { argv: ['echo', String(index)] })),
    );

    deepEqual(
      outcomes.map(({ stdout }) => stdout),
      Array.from({ length: 8 }, (_, index) => `${index}\n`),
    );
  });

  test('leaves no failed unit and nothing of its own in /run', async () => {
    await outputOf(instance, { argv: ['false'] });

    const { stdout } = await outputOf(instance, {
      script:
        'systemctl --failed --plain --no-legend; ls /run/ingot | grep -vx -e "$(basename "$0" .sh).*" -e ended -e ' +
        'command -e meminfo',
    });

    equal(stdout, '');
  });

  test('files go in and out as they are', async () => {
    const content = randomBytes(3_000_000);

    await instance.put('/opt/a b/$file', content, 0o750);

    ok((await instance.get('/opt/a b/$file')).equals(content));
    equal((await outputOf(instance, { argv: ['stat', '-c', '%a %U %G', '/opt/a b/$file'] })).stdout, '750 root root\n');
  });

  test('a file that is not there, a folder, a file too large are errors', async () => {
    await outputOf(instance, { argv: ['truncate', '-s', '20M', '/var/tmp/large'] });

    await rejects(instance.get('/no/such'), /no such file/);
    await rejects(instance.get('/etc'), /not a file/);
    await rejects(instance.get('/var/tmp/large'), /larger than 16 MiB/);
    await rejects(instance.put('/etc', 'x'), /folder/);
  });

  test('a link in the instance does not lead out of it', async () => {
    await outputOf(instance, { argv: ['ln', '-s', `${dataDirectory}/out`, '/opt/link'] });
    await outputOf(instance, { argv: ['mkdir', '-p', dataDirectory] });

    await instance.put('/opt/link', 'inside');

    equal((await instance.get(`${dataDirectory}/out`)).toString(), 'inside');
    await rejects(async () => readFileSync(`${dataDirectory}/out`));
  });

  test('/tmp is disk', async () =>
    equal((await outputOf(instance, { argv: ['stat', '-f', '-c', '%T', '/tmp'] })).stdout, 'ext2/ext3\n'));

  test('names resolve and packages come', async () => {
    const { exitCode, stderr } = await outputOf(instance, {
      script:
        'set -e; getent hosts deb.debian.org; apt-get update -qq; apt-get install -y -qq --no-install-recommends ' +
        'python3-minimal >/dev/null',
    });

    equal(exitCode, 0, stderr);
  });

  metadataCases(() => instance);

  /** Commands of public components that machines take. */
  test('as a machine: its uptime is its own', async () => {
    const { stdout } = await outputOf(instance, { argv: ['cat', '/proc/uptime'] });

    ok(Number.parseFloat(stdout) + UPTIME_BEFORE <= uptime() + 1, `${stdout} and ${uptime()}`);
  });

  const asInAMachine: readonly (readonly [what: string, script: string])[] = [
    [
      'knows its own name, and has it in no file',
      'test -n "$(hostname -f)"; getent hosts "$(hostname)"; test -z "$(sudo -n true 2>&1)"; ' +
        '! grep -w "$(hostname)" /etc/hosts',
    ],
    [
      'knows its own name whatever answers names',
      'systemctl stop systemd-resolved; hostname -f; sudo -n true; systemctl start systemd-resolved',
    ],
    [
      'lets resolv.conf be replaced, and resolves on',
      'cp -a /etc/resolv.conf /root/; ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf; ' +
        'test -L /etc/resolv.conf; getent hosts deb.debian.org; mv -f /root/resolv.conf /etc/resolv.conf',
    ],
    [
      'has ids above 65535',
      'useradd -m -u 200000 -U svcad; test "$(stat -c %u:%g /home/svcad)" = "200000:$(id -g svcad)"; ' +
        'test -s /home/svcad/.bashrc; install -d /srv/data; chown 3000000:3000001 /srv/data; ' +
        'test "$(stat -c %u:%g /srv/data)" = 3000000:3000001; touch /srv/data/of-root; cp -a /srv/data /srv/copy; ' +
        'test "$(stat -c %u:%g /srv/copy)" = 3000000:3000001',
    ],
    [
      'has nothing that everybody may write to and root may not change',
      "df --local -P | awk '{if (NR!=1) print $6}' | xargs -I{} find {} -xdev -type d -perm -0002 | xargs chmod a+t",
    ],
    [
      'has the memory of its type',
      'test "$(sed -n "s/^MemTotal: *//p" /proc/meminfo)" = "1048576 kB"; free -m | grep "^Mem: *1024 "; ' +
        'test "$(ulimit -n)" = 1024',
    ],
    [
      'goes on when its units are isolated',
      'systemctl isolate graphical.target; systemctl isolate multi-user.target; systemctl is-active systemd-resolved',
    ],
    [
      'has sessions',
      'useradd -m deploy; loginctl enable-linger deploy; XDG_RUNTIME_DIR=/run/user/$(id -u deploy); ' +
        'of_user() { sudo -u deploy XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" systemctl --user "$@"; }; ' +
        'for i in $(seq 100); do of_user -q is-active default.target && break; sleep 0.1; done; ' +
        'of_user is-active default.target; loginctl disable-linger deploy; test -z "$(systemctl --failed -q)"',
    ],
  ];
  for (const [what, script] of asInAMachine) {
    test(`as a machine: ${what}`, async () => {
      const { exitCode, stdout, stderr } = await outputOf(instance, { script: `set -eux\n${script}` });

      equal(exitCode, 0, `${stdout}${stderr}`);
    });
  }

  test('cloud-init has done its first boot, for programs that wait for it, and no trace of that is in an image', async () => {
    await markFirstBoot(instance, CASES_METADATA);
    const { exitCode, stdout, stderr } = await outputOf(instance, {
      script: `set -e
while [ ! -f /var/lib/cloud/instance/boot-finished ]; do sleep 5; done
systemctl daemon-reload
cloud-id
cloud-init status --wait | tail -n 1
cloud-init query region </dev/null
basename "$(readlink /var/lib/cloud/instance)"`,
      timeoutSeconds: 120,
    });
    equal(exitCode, 0, stderr);
    deepEqual(stdout.trim().split('\n'), ['aws', 'status: done', 'eu-west-1', instance.id]);

    await rebootMarked(instance);
    const again = await outputOf(instance, {
      script: 'set -e; cloud-id; cloud-init status --wait | tail -n 1; cloud-init query region </dev/null',
      timeoutSeconds: 120,
    });
    deepEqual([again.stdout, again.exitCode], ['aws\nstatus: done\neu-west-1\n', 0], again.stderr);

    equal((await outputOf(instance, { argv: sanitizeCommand('/tmp') })).exitCode, 0);
    equal((await outputOf(instance, { script: 'find /var/lib/cloud ! -type d' })).stdout, '');
  });

  test('runs commands when a component has stopped the message bus', async () => {
    try {
      const stopping = await outputOf(instance, {
        script: 'systemctl stop dbus.service dbus.socket; sleep 0.2; echo out; exit 3',
      });
      deepEqual([stopping.stdout, stopping.exitCode], ['out\n', 3]);

      const next = await outputOf(instance, {
        script: 'cat; echo out; echo err >/dev/stderr; id -un; exit 4',
        user: 'nobody',
        stdin: 'in\n',
      });
      deepEqual(next, { exitCode: 4, signal: null, timedOut: false, stdout: 'in\nout\nnobody\n', stderr: 'err\n' });
      deepEqual((({ exitCode, signal }) => [exitCode, signal])(await outputOf(instance, { script: 'kill -KILL $$' })), [
        null,
        'SIGKILL',
      ]);
    } finally {
      await outputOf(instance, { script: 'systemctl start dbus.socket dbus.service' });
    }
  });

  test('the host is closed: its loopback, its own addresses, link-local', async () => {
    const server = createServer((socket) => socket.end('secret'));
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const own = Object.values(networkInterfaces())
        .flat()
        .flatMap((each) => (each?.family === 'IPv4' && !each.internal ? [each.address] : []));
      for (const address of ['127.0.0.1', '10.0.2.2', '198.18.0.1', '169.254.169.254', ...own]) {
        const { exitCode, stdout } = await outputOf(instance, {
          argv: ['timeout', '3', 'bash', '-c', `cat </dev/tcp/${address}/${port}`],
        });
        ok(exitCode !== 0 && stdout === '', `${address} answers`);
      }
    } finally {
      server.close();
    }
  });

  test('a published port answers', async () => {
    await outputOf(instance, {
      script:
        'mkdir -p /srv/www; echo hello >/srv/www/index.html; cd /srv/www; setsid python3 -c "import http.server as ' +
        'h; h.test(h.SimpleHTTPRequestHandler, port=8080)" >/dev/null 2>&1 &',
    });

    const page = await until(
      'the page',
      10_000,
      async () =>
        (await run(['curl', '-sS', '-m', '2', `http://127.0.0.1:${hostPort}/`], { okCodes: 'any' })).stdout ||
        undefined,
      { everyMs: 100 },
    );

    equal(page, 'hello\n');
  });

  test('is limited to its memory', async () => {
    const { exitCode, signal, stdout, outOfMemory } = await outputOf(instance, {
      argv: ['python3', '-c', 'x = bytearray(3 << 30); print(len(x))'],
    });
    const inShell = await outputOf(instance, { script: 'python3 -c "x = bytearray(3 << 30); print(len(x))"' });

    deepEqual(
      { exitCode, signal, stdout, outOfMemory },
      { exitCode: null, signal: 'SIGKILL', stdout: '', outOfMemory: true },
    );
    deepEqual({ exitCode: inShell.exitCode, outOfMemory: inShell.outOfMemory }, { exitCode: 137, outOfMemory: true });
    equal((await outputOf(instance, { script: 'kill -KILL $$' })).outOfMemory, undefined);
  });

  test('root inside has no rights outside', async () => {
    const { stdout } = await outputOf(instance, {
      script: 'mknod /dev/sdx b 254 0 2>&1; echo 1 >/proc/sys/vm/drop_caches; ls /dev/vda /dev/sda /dev/loop0',
    });

    match(stdout, /not permitted/);
    ok(!stdout.includes('/dev/loop0\n'));
  });

  test('gets commands as they are while the service manager reloads its units', () =>
    commandsWhileUnitsAreReadAnew(instance, 8));

  test('seals layers under write load', async () => {
    const chain: string[] = [disk];
    await outputOf(instance, {
      script:
        'nohup sh -c "while :; do dd if=/dev/urandom of=/var/tmp/load bs=1M count=20 conv=fsync; done" >/dev/null ' +
        '2>&1 & echo $! >/run/load',
    });
    for (let index = 0; index < 3; index++) {
      await instance.put('/root/generation', String(index));
      const overlay = overlayPath();
      await instance.snapshot(overlay);
      chain.push(overlay);
    }
    await outputOf(instance, { script: 'kill $(cat /run/load)' });

    for (const [index, layer] of chain.slice(0, -1).entries()) {
      await run(['qemu-img', 'check', '-q', '--force-share', '-f', 'qcow2', layer]);
      await checkFileSystem(layer);
      equal(await readFromLayer(layer, '/root/generation'), String(index));
    }
    deepEqual(
      (await diskChain(chain.at(-1)!)).slice(0, chain.length).map((each) => each.backing),
      [...chain.slice(0, -1).toReversed(), base],
    );
    disk = chain.at(-1)!;
  });

  test('a snapshot that cannot be made leaves it as it was, not frozen', async () => {
    await rejects(instance.snapshot('/no/such/folder/layer.qcow2'));

    equal((await outputOf(instance, { script: 'echo x >/root/after; sync; cat /root/after' })).stdout, 'x\n');
  });

  test('a snapshot whose guard is killed fails with that, and leaves it not frozen', async (t) => {
    const amend = held.amend.bind(held);
    t.mock.method(held, 'amend', async (id: string, thing: HeldThing) => {
      await amend(id, thing);
      if (thing.kind !== 'process' || thing.what !== 'fsfreeze') return;
      await sleep(300); // By then it is frozen.
      process.kill(thing.pid!, 'SIGKILL');
    });
    const overlay = overlayPath();
    await rejects(instance.snapshot(overlay), /fsfreeze was ended by SIGKILL/);
    if (existsSync(overlay)) disk = overlay; // It wrote there before it found out.

    deepEqual(await outputOf(instance, { script: 'echo y >/root/after; sync; cat /root/after', timeoutSeconds: 20 }), {
      exitCode: 0,
      signal: null,
      timedOut: false,
      stdout: 'y\n',
      stderr: '',
    });
  });

  test('reboots, with its ports, and goes on', async () => {
    await instance.put('/run/gone', 'x');
    await instance.put('/root/kept', 'x');
    const before = (await instance.get('/proc/sys/kernel/random/boot_id')).toString().trim();

    const bootId = await instance.reboot();

    ok(bootId !== before);
    await rejects(instance.get('/run/gone'));
    equal((await instance.get('/root/kept')).toString(), 'x');
    equal((await outputOf(instance, { argv: ['getent', 'hosts', 'deb.debian.org'] })).exitCode, 0);
    await outputOf(instance, {
      script:
        'cd /srv/www; setsid python3 -c "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=8080)" ' +
        '>/dev/null 2>&1 &',
    });
    equal(
      await until(
        'the page',
        10_000,
        async () =>
          (await run(['curl', '-sS', '-m', '2', `http://127.0.0.1:${hostPort}/`], { okCodes: 'any' })).stdout ||
          undefined,
        { everyMs: 100 },
      ),
      'hello\n',
    );
  });

  test('a command that reboots it fails, the next one finds it started again', async () => {
    await rejects(
      instance.run({ script: 'systemctl reboot; sleep 60' }),
      (error) => error instanceof InstanceError && /rebooted by itself/.test(error.message),
    );

    equal((await outputOf(instance, { argv: ['echo', 'back'] })).stdout, 'back\n');
  });

  test('another process takes it over by its handle', async () => {
    const other = await nspawnDriver.attach(JSON.parse(JSON.stringify(instance.handle)) as Instance['handle'], held);

    equal((await outputOf(other, { argv: ['cat', '/root/kept'] })).stdout, 'x');
  });

  test('its console was kept', async () => match((await instance.consoleTail(200)).join('\n'), /Welcome to Debian/));

  test('stops cleanly, also while a new mount namespace holds a copy of its mount', async () => {
    const holder = await start(['unshare', '--mount', '--propagation', 'slave', 'sleep', '60']);
    try {
      await instance.stop();
    } finally {
      holder.kill('SIGKILL');
    }
    deepEqual(
      (await held.list()).filter(({ thing }) => thing.kind === 'process' || thing.kind === 'mount'),
      [],
      'what runs for it keeps its mounts busy, which costs seconds',
    );
    await instance.terminate();

    await run(['qemu-img', 'check', '-q', '-f', 'qcow2', disk]);
    await checkFileSystem(disk);
    equal(await readFromLayer(disk, '/root/kept'), 'x');
  });
});

test('two containers both serve port 80', async () => {
  const ports = [await freePort(), await freePort()];
  const machines = await Promise.all(ports.map((hostPort) => launch({ publish: [{ hostPort, instancePort: 80 }] })));
  try {
    const pages = await Promise.all(
      machines.map(async ({ instance }, index) => {
        await outputOf(instance, {
          script:
            'set -e; apt-get update -qq; apt-get install -y -qq --no-install-recommends nginx-light >/dev/null; ' +
            `echo ${index} >/var/www/html/index.html; systemctl is-active nginx`,
        });
        return (
          await run([
            'curl',
            '-sS',
            '-m',
            '5',
            '--retry',
            '5',
            '--retry-all-errors',
            `http://127.0.0.1:${ports[index]}/`,
          ])
        ).stdout;
      }),
    );

    deepEqual(pages, ['0\n', '1\n']);
  } finally {
    for (const { instance } of machines) await instance.terminate();
  }
});

test('a disk without a name service of its own resolves names, and is sealed as it was', async () => {
  const { instance } = await launch();
  try {
    const replaced = await outputOf(instance, {
      script:
        'systemctl disable -q --now systemd-resolved; rm /etc/resolv.conf; echo nameserver 192.0.2.1 >/etc/resolv.conf',
    });
    equal(replaced.exitCode, 0, replaced.stderr);
    await instance.reboot();

    const { exitCode, stderr } = await outputOf(instance, {
      script:
        'set -e; getent hosts deb.debian.org; hostname -f; mv /etc/resolv.conf /root/; cp /root/resolv.conf /etc/',
    });
    equal(exitCode, 0, stderr);
    await takeOutNetworkSettings(instance);
    equal((await outputOf(instance, { script: 'getent hosts deb.debian.org' })).exitCode, 0);

    await takeOutNetworkSettings(instance, { seal: true });
    equal(
      (await outputOf(instance, { script: 'cat /etc/resolv.conf; ls -d /var/lib/ingot*' })).stdout,
      'nameserver 192.0.2.1\n',
    );
  } finally {
    await instance.terminate();
  }
});

test('a disk that is larger than its partition grows', async () => {
  const { instance } = await launch({ sizeBytes: 8 * 2 ** 30, cpus: 1 });
  try {
    equal((await outputOf(instance, { argv: ['nproc'] })).stdout, '1\n', 'and it has the processors of its type');
    const seen = (await outputOf(instance, { argv: ['sed', '-n', 's/^processor\t//p', '/proc/cpuinfo'] })).stdout;
    equal(seen, ': 0\n', 'programs that read /proc/cpuinfo see one, too');
    const { stdout } = await outputOf(instance, { argv: ['stat', '-f', '-c', '%b %S', '/'] });

    const [blocks, size] = stdout.trim().split(' ').map(Number) as [number, number];
    ok(blocks * size > 7 * 2 ** 30, stdout);
  } finally {
    await instance.terminate();
  }
});

describe('an unexpected end', () => {
  test('a power-off from inside is reported', async () => {
    const { instance } = await launch();
    try {
      await rejects(instance.run({ script: 'systemctl poweroff; sleep 60' }), /powered itself off/);
      await rejects(instance.run({ argv: ['true'] }), /powered itself off/);
    } finally {
      await instance.terminate();
    }
  });

  for (const [what, pattern, message] of [
    ['systemd-nspawn', /systemd-nspawn/, undefined],
    ['the storage daemon', /qemu-storage-daemon/, /storage daemon ended/],
    ['slirp4netns', /slirp4netns/, undefined],
  ] as const) {
    test(`kill -9 of ${what}: nothing is left after terminate`, async () => {
      const { instance } = await launch();
      try {
        for (const line of await hostState()) {
          const pid = /^process (\d+) /.exec(line)?.[1];
          if (pid !== undefined && pattern.test(line.split(' ')[4]!) && line.includes(instance.id))
            process.kill(Number(pid), 'SIGKILL');
        }
        if (message !== undefined) await rejects(instance.run({ argv: ['true'] }), message);
      } finally {
        await instance.terminate();
      }
      await assertNothingLeft(hostBefore, dataDirectory);
    });
  }

  test('what it held can be freed from the record alone', async () => {
    const { held } = await launch();

    await releaseAll(held);

    await assertNothingLeft(hostBefore, dataDirectory);
  });

  test('a launch that is aborted leaves nothing', async () => {
    const disk = overlayPath();
    await createOverlay(base, disk);
    for (const delay of [20, 150, 300, 450]) {
      const id = newInstanceId();
      const abort = new AbortController();
      setTimeout(() => abort.abort(new Error('cancelled')), delay);

      await rejects(
        nspawnDriver.launch({
          id,
          disk,
          cpus: 1,
          memoryMiB: 512,
          directory: `/run/ingot/${id}`,
          allocationOwner: { dataDirectory, owner: id },
          held: memoryRecorder(id),
          signal: abort.signal,
        }),
        /cancelled/,
      );
    }
    await assertNothingLeft(hostBefore, dataDirectory);
  });

  test('a storage daemon that dies while the container starts is what the launch says', async () => {
    const disk = overlayPath();
    await createOverlay(base, disk);
    const id = newInstanceId();
    const killed = until('systemd-nspawn', 30_000, () => processesWith(['systemd-nspawn', id])[0]).then(() =>
      process.kill(processesWith(['qemu-storage-daemon', id])[0]!, 'SIGKILL'),
    );

    await rejects(
      nspawnDriver.launch({
        id,
        disk,
        cpus: 1,
        memoryMiB: 512,
        directory: `/run/ingot/${id}`,
        allocationOwner: { dataDirectory, owner: id },
        held: memoryRecorder(id),
      }),
      { message: `the disk of ${id} is gone: its storage daemon ended` },
    );
    await killed;
    await assertNothingLeft(hostBefore, dataDirectory);
  });

  test('a disk that cannot be opened is named', async () => {
    await rejects(launch({ disk: join(dataDirectory, 'missing.qcow2') }), /missing\.qcow2/);
  });
});

/** `e2fsck` on the root of a layer, which replays its journal as a machine would. */
async function checkFileSystem(layer: string): Promise<void> {
  const raw = join(dataDirectory, 'check.raw');
  await run(['qemu-img', 'convert', '--force-share', '-f', 'qcow2', '-O', 'raw', layer, raw]);
  const { offset } = await rootPartition(raw);
  const device = `${raw}?offset=${offset}`;
  await run(['e2fsck', '-p', device], { okCodes: [0, 1] });
  await run(['e2fsck', '-f', '-n', device]);
  await rm(raw);
}

async function readFromLayer(layer: string, path: string): Promise<string> {
  const id = newInstanceId();
  const directory = `/run/ingot/${id}`;
  const held = memoryRecorder(id);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await held.record({ kind: 'path', path: directory });
  const overlay = overlayPath();
  await createOverlay(layer, overlay);
  try {
    const { root } = await attachDisk({ disk: overlay, directory, held });
    return readFileSync(`${root}${path}`, 'utf8').trim();
  } finally {
    await releaseAll(held);
  }
}
