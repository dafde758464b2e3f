/**
 * An instance whose programs a component has replaced by ones that lie, print without end or never end; an image that
 * is broken on purpose;
 * files that come out of it. Each harms its own build and nothing else.
 */
import { deepEqual, doesNotMatch, equal, match, ok, rejects } from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createOverlay } from '../../src/images/disks.ts';
import { InstanceError, type CommandRequest, type Instance } from '../../src/instances/instance.ts';
import { nspawnDriver } from '../../src/instances/nspawn/driver.ts';
import { TooMuchOutput } from '../../src/instances/output.ts';
import { until } from '../../src/platform/clock.ts';
import { memoryRecorder } from '../../src/platform/held.ts';
import { newInstanceId } from '../../src/platform/ids.ts';
import { run } from '../../src/platform/processes.ts';
import { searchDisk } from '../../src/guest/disk-search.ts';
import { collectPackages } from '../../src/guest/packages.ts';
import { sanitizeCommand } from '../../src/guest/sanitize.ts';
import { withJournal } from '../../src/guest/service-journal.ts';
import { sharedBase } from '../harness/base.ts';
import { assertNothingLeft, hostState, type HostState } from '../harness/host-state.ts';
import { createTestImage, waitForStatus } from '../harness/images.ts';
import { imageLog, ingot } from '../harness/service.ts';
import { beginOnServer, endOnServer, type ServerSuite } from '../harness/suite.ts';

const LONG = { timeout: 300_000 };
const FLOOD = '#!/bin/bash\nexec -a flood /usr/bin/yes "a line of a flood, which has no end"\n';

describe('a container whose programs were replaced', () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'ingot-hostile-'));
  let base: string;
  let hostBefore: HostState;
  let hostile: Instance;
  let other: Instance;
  let disks = 0;

  async function launch(disk?: string): Promise<Instance> {
    const path = disk ?? join(dataDirectory, `disk-${disks++}.qcow2`);
    if (disk === undefined) await createOverlay(base, path);
    const id = newInstanceId();
    return nspawnDriver.launch({
      id,
      disk: path,
      cpus: 2,
      memoryMiB: 1024,
      directory: `/run/ingot/${id}`,
      allocationOwner: { dataDirectory, owner: id },
      held: memoryRecorder(id),
    });
  }

  /** Puts a script in place of a program, from outside of what Ingot runs in the instance, and back. */
  async function replaced(program: string, script: string, work: () => Promise<void>): Promise<void> {
    const own = (text: string, ...args: readonly string[]): CommandRequest => ({
      argv: ['/usr/bin/bash', '-c', text, 'bash', program, ...args],
      own: true,
      timeoutSeconds: 60,
    });
    equal(
      (
        await hostile.run(
          own(
            'cp -a -- "$1" "$1.real" && printf %s "$2" >"$1.new" && chmod 755 "$1.new" && mv -f -- "$1.new" "$1"',
            script,
          ),
        )
      ).exitCode,
      0,
    );
    try {
      await work();
    } finally {
      // The shell may be what was replaced: this goes in by bash.
      const leader = (hostile as unknown as { state: { leader: { pid: number } } }).state.leader.pid;
      await run([
        'nsenter',
        '--target',
        String(leader),
        '--mount',
        '--root',
        '--',
        '/usr/bin/mv',
        '-f',
        `${program}.real`,
        program,
      ]);
    }
    equal((await hostile.run({ script: 'exit 3' })).exitCode, 3);
  }

  before(async () => {
    await mkdir(dataDirectory, { recursive: true });
    base = await sharedBase();
    hostBefore = await hostState();
    [hostile, other] = await Promise.all([launch(), launch()]);
  });
  after(async () => {
    await Promise.all([hostile?.terminate(), other?.terminate()]);
    await assertNothingLeft(hostBefore, dataDirectory);
    await rm(dataDirectory, { recursive: true, force: true });
  });

  test('systemctl that prints without end fails the command, and what runs beside it goes on', LONG, async () => {
    await replaced('/usr/bin/systemctl', FLOOD, async () => {
      await rejects(
        hostile.run({ script: 'true' }),
        (error: unknown) => error instanceof InstanceError && /printed more than (?:64 KiB|1 MiB)/.test(error.message),
      );
      let said = '';
      equal(
        (
          await other.run({
            script: 'echo it goes on',
            onOutput: (_, chunk) => {
              said += chunk.toString();
            },
          })
        ).exitCode,
        0,
      );
      equal(said, 'it goes on\n');
    });
  });

  test('systemctl that leaves the flood to a process of its own session fails the command, too', LONG, async () => {
    await replaced(
      '/usr/bin/systemctl',
      `#!/bin/bash\nsetsid -f /usr/bin/yes flood\nexec /usr/bin/yes flood\n`,
      async () => {
        await rejects(hostile.run({ script: 'true' }), InstanceError);
      },
    );
  });

  test('find that prints without end ends the search of the disk, with its name', LONG, async () => {
    await replaced('/usr/bin/find', '#!/bin/bash\nwhile printf "0 0 /root/%0100d\\0" 1; do :; done\n', async () => {
      await rejects(searchDisk(hostile, new Date(0), { timeoutSeconds: 120 }), Error);
    });
    await replaced('/usr/bin/head', FLOOD, async () => {
      await rejects(hostile.get('/etc/hostname'), InstanceError);
    });
  });

  test("a program of Ingot's own whose bash prints without end is ended", LONG, async () => {
    // What bash becomes prints what the search prints for a hit, over and over.
    await replaced(
      '/usr/bin/bash',
      '#!/bin/sh\nwhile :; do printf "0 0 /root/key-of-the-flood-with-a-long-name-%0200d\\0" 1; done\n',
      async () => {
        await rejects(
          searchDisk(hostile, new Date(0), { timeoutSeconds: 200 }),
          (error: unknown) =>
            error instanceof TooMuchOutput && /^the search for secrets printed more than 4 MiB/.test(error.message),
        );
      },
    );
  });

  test('a search that prints what it does not print says so', LONG, async () => {
    await replaced('/usr/bin/bash', '#!/bin/sh\nprintf "no hit at all\\0"\n', async () => {
      await rejects(searchDisk(hostile, new Date(0)), /returned an unexpected record \("no hit at all"\)/);
    });
  });

  test('dpkg-query that prints without end ends the list of packages', LONG, async () => {
    await replaced('/usr/bin/dpkg-query', FLOOD, async () => {
      await rejects(
        collectPackages(hostile),
        (error: unknown) =>
          error instanceof TooMuchOutput && /^the list of packages printed more than 4 MiB/.test(error.message),
      );
    });
  });

  test(
    'journalctl that prints without end adds nothing to a failure, which is reported all the same',
    LONG,
    async () => {
      await replaced('/usr/bin/journalctl', FLOOD, async () => {
        const failure = { message: 'Job for web.service failed', outputTail: [] };
        const outcome = { status: 'failed', ignored: [], failure } as unknown as Parameters<typeof withJournal>[1];
        deepEqual((await withJournal(hostile, outcome, Date.now())).failure, {
          ...failure,
          journal: { units: ['web.service'], lines: [] },
        });
      });
    },
  );

  test("sh that prints without end is ended at the command's deadline", LONG, async () => {
    await replaced('/usr/bin/dash', FLOOD, async () => {
      // Of what comes as the command's output nothing is kept here.
      let printed = 0;
      equal(
        (
          await hostile.run({
            script: 'true',
            timeoutSeconds: 3,
            onOutput: (_, chunk) => {
              printed += chunk.length;
            },
          })
        ).timedOut,
        true,
      );
      ok(printed > 0);
      await rejects(hostile.put('/root/x', 'x'), InstanceError);
    });
  });

  test('an endless line is cut, and a reader that fails ends its command', LONG, async () => {
    await rejects(
      hostile.run({
        argv: ['cat', '/dev/zero'],
        onOutput: () => {
          throw new Error('the reader has failed');
        },
      }),
      /^Error: the reader has failed$/,
    );
    equal((await hostile.run({ script: 'exit 4' })).exitCode, 4);
  });

  test('what describes the system may be anything', LONG, async () => {
    const real = await hostile.get('/usr/lib/os-release');
    for (const make of ['truncate -s 10G', 'ln -s /nowhere', 'mkdir', 'ln -s os-release']) {
      equal(
        (
          await hostile.run({
            argv: ['/usr/bin/bash', '-c', `rm -rf /etc/os-release /usr/lib/os-release && ${make} /usr/lib/os-release`],
            own: true,
          })
        ).exitCode,
        0,
      );
      const inventory = await collectPackages(hostile);
      ok(inventory.packages.length > 100 && (inventory.osVersion ?? '').length <= 512, make);
      await hostile.run({
        argv: ['/usr/bin/bash', '-c', 'rm -rf /usr/lib/os-release; ln -s ../usr/lib/os-release /etc/os-release'],
        own: true,
      });
      await hostile.put('/usr/lib/os-release', real);
    }
  });

  test("the clean-up waits for no pipe in the place of the machine's id", LONG, async () => {
    for (const make of ['mkfifo', 'mkdir', 'ln -s /nowhere']) {
      equal((await hostile.run({ script: `rm -rf /etc/machine-id; ${make} /etc/machine-id` })).exitCode, 0);
      equal((await hostile.run({ argv: sanitizeCommand('/tmp'), timeoutSeconds: 200 })).exitCode, 0, make);
      equal((await hostile.run({ script: '[ -f /etc/machine-id ] || [ -L /etc/machine-id ]' })).exitCode, 0, make);
    }
  });

  describe('a disk that holds', () => {
    const cases = [
      [
        'no os-release',
        'rm -f /etc/os-release /usr/lib/os-release',
        /it has no \/etc\/os-release or \/usr\/lib\/os-release/,
      ],
      [
        'an os-release that leads to a file of the host',
        'ln -sf /proc/version /etc/os-release; ln -sf /etc/of-the-host /usr/lib/os-release',
        /it has no \/etc\/os-release/,
      ],
      [
        'an os-release of 10 GB',
        'rm -f /etc/os-release; truncate -s 10G /usr/lib/os-release',
        /its os-release has 10737418240 bytes/,
      ],
      [
        'a folder as its machine-id',
        'rm -f /etc/machine-id; mkdir /etc/machine-id',
        /its \/etc\/machine-id is not a regular file/,
      ],
      [
        'a pipe as its machine-id',
        'rm -f /etc/machine-id; mkfifo /etc/machine-id',
        /its \/etc\/machine-id is not a regular file/,
      ],
      ['a machine-id that leads nowhere', 'ln -sf /nowhere /etc/machine-id', undefined],
    ] as const;
    for (const [name, script, message] of cases) {
      test(`${name} ${message === undefined ? 'starts' : 'is refused at once, in words'}`, LONG, async () => {
        const disk = join(dataDirectory, `disk-${disks++}.qcow2`);
        await createOverlay(base, disk);
        const first = await launch(disk);
        await first.run({ script });
        await first.stop();
        await first.terminate();
        if (message === undefined) return void (await (await launch(disk)).terminate());
        await rejects(launch(disk), (error: unknown) => error instanceof InstanceError && message.test(error.message));
        if (name !== 'no os-release') return;
        const { code, stderr } = await ingot(dataDirectory, [
          'toe',
          'run',
          '--on',
          'nspawn',
          '--image',
          disk,
          '--log-directory',
          dataDirectory,
          await document(),
        ]);
        equal(code, 1);
        match(stderr, /ingot: .*it has no \/etc\/os-release/);
        doesNotMatch(stderr, /^\s+at /m);
      });
    }

    async function document(): Promise<string> {
      const path = join(dataDirectory, 'document.yaml');
      await writeFile(
        path,
        'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: Nothing\n        action: ' +
          'ExecuteBash\n        inputs: {commands: ["true"]}\n',
      );
      return path;
    }
  });
});

const component = (...commands: readonly string[]): string => `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: Run
        action: ExecuteBash
        timeoutSeconds: 120
        inputs:
          commands:
${commands.map((command) => `            - ${JSON.stringify(command)}`).join('\n')}
`;

describe('a server with a hostile build', () => {
  let suite: ServerSuite;
  let local: string;
  before(async () => {
    suite = await beginOnServer();
    local = mkdtempSync(join(tmpdir(), 'ingot-hostile-cp-'));
  });
  after(async () => {
    await endOnServer(suite);
    await rm(local, { recursive: true, force: true });
  });

  async function workerPid(): Promise<number> {
    const { stdout } = await run(['pgrep', '--parent', String(suite.server.pid), '--full', 'worker-main']);
    return Number(stdout.trim());
  }

  test('fails that build alone; the worker and another build go on', LONG, async () => {
    const worker = await workerPid();
    const flood = [
      `printf '%s' '${FLOOD.replaceAll('\n', '\\n')}' | sed 's/\\\\n/\\n/g' >/usr/bin/systemctl.new`,
      'chmod 755 /usr/bin/systemctl.new',
      'mv -f /usr/bin/systemctl.new /usr/bin/systemctl',
    ];
    const [bad, good] = await Promise.all([
      createTestImage(suite.server, { name: 'hostile', driver: 'nspawn', components: [component(...flood)] }),
      createTestImage(suite.server, {
        name: 'good',
        driver: 'nspawn',
        components: [component('sleep 5', 'echo good >/root/good')],
      }),
    ]);
    const [failed, built] = await Promise.all([waitForStatus(suite.server, bad), waitForStatus(suite.server, good)]);
    equal(failed.state?.status, 'FAILED');
    match(failed.state?.reason ?? '', /printed more than/);
    equal(built.state?.status, 'AVAILABLE', built.state?.reason);
    equal(await workerPid(), worker);
  });

  test('whose worker runs out of memory says so, and builds on', LONG, async () => {
    const worker = await workerPid();
    const arn = await createTestImage(suite.server, {
      name: 'memory',
      driver: 'nspawn',
      components: [component('sleep 100')],
    });
    await waitForStatus(suite.server, arn, ['BUILDING']);
    // As V8 ends a process whose heap is full.
    process.kill(worker, 'SIGABRT');
    const { state } = await waitForStatus(suite.server, arn);
    equal(state?.status, 'FAILED');
    match(state?.reason ?? '', /^The worker process ran out of memory/);
    ok((await until('another worker', 60_000, () => workerPid().catch(() => undefined))) !== worker);
    const flags = readFileSync(`/proc/${await workerPid()}/cmdline`, 'utf8').split('\0');
    ok(flags.some((flag) => flag.startsWith('--max-old-space-size=')));
  });

  test('that ends the worker again and again fails; the one beside it is built', LONG, async () => {
    const create = (name: string, ...commands: readonly string[]): Promise<string> =>
      createTestImage(suite.server, { name, driver: 'nspawn', components: [component(...commands)] });
    const bad = await create('guilty', 'sleep 100');
    const good = await create('beside', 'sleep 5');
    await Promise.all([bad, good].map((arn) => waitForStatus(suite.server, arn, ['BUILDING'])));
    const first = await workerPid();
    process.kill(first, 'SIGABRT');
    const second = await until('another worker', 60_000, () =>
      workerPid().then(
        (pid) => (pid === first || pid === 0 ? undefined : pid),
        () => undefined,
      ),
    );
    const told = async (arn: string): Promise<string> =>
      (await imageLog(suite.dataDirectory, arn)).map(({ text }) => text).join('\n');
    await until('the guilty one to go on', 120_000, async () =>
      /^goes on from /m.test(await told(bad)) ? true : undefined,
    );
    match(
      await told(good),
      /^The worker process ran out of memory.* It goes on from .*, with no other image beside it\.$/m,
    );
    process.kill(second, 'SIGABRT');
    const [failed, built] = await Promise.all([bad, good].map((arn) => waitForStatus(suite.server, arn)));
    equal(failed?.state?.status, 'FAILED');
    match(failed?.state?.reason ?? '', /^The worker process ran out of memory/);
    equal(built?.state?.status, 'AVAILABLE', built?.state?.reason);
  });

  test('gives files to ingot cp that lead nowhere out of their folder', LONG, async () => {
    const host = join(local, 'host');
    const out = join(local, 'out');
    await mkdir(join(host, 'etc'), { recursive: true });
    await mkdir(out);
    await writeFile(join(host, 'etc', 'passwd'), 'of the host');
    const arn = await createTestImage(suite.server, {
      name: 'files',
      driver: 'nspawn',
      tags: { 'ingot:keep-on-failure': '30m' },
      components: [
        component(
          'mkdir /root/d',
          `ln -s ${join(host, 'etc', 'passwd')} /root/d/file`,
          `ln -s ${join(host, 'etc')} /root/d/etc`,
          `ln -s ${join(host, 'etc', 'new')} /root/d/new`,
          'exit 3',
        ),
      ],
    });
    equal((await waitForStatus(suite.server, arn)).state?.status, 'FAILED');
    const { stdout } = await ingot(suite.dataDirectory, ['instances', '--json']);
    const { instanceId } = JSON.parse(stdout.split('\n')[0]!) as { instanceId: string };
    ok((await ingot(suite.dataDirectory, ['logs', arn])).stdout.includes(`ingot shell ${instanceId}`));
    const cp = (...args: readonly string[]): ReturnType<typeof ingot> => ingot(suite.dataDirectory, ['cp', ...args]);
    const inside = async (script: string): Promise<void> =>
      equal((await ingot(suite.dataDirectory, ['exec', instanceId, '--', 'bash', '-c', script])).code, 0);
    const hostIsAsItWas = async (): Promise<void> => {
      deepEqual((await readdir(host, { recursive: true })).sort(), ['etc', 'etc/passwd']);
      equal(await readFile(join(host, 'etc', 'passwd'), 'utf8'), 'of the host');
    };
    try {
      equal((await cp(`${instanceId}:/root/d`, out)).code, 0);
      equal(await readlink(join(out, 'd', 'file')), join(host, 'etc', 'passwd'));

      await inside('cd /root/d && rm file new && echo of the instance >file && echo of the instance >new');
      const second = await cp(`${instanceId}:/root/d`, out);
      await hostIsAsItWas();
      equal(second.code, 0, second.stderr);
      ok((await lstat(join(out, 'd', 'file'))).isFile());
      equal((await cp(`${instanceId}:/root/d/file`, '-')).stdout, 'of the instance\n');
      const absent = await cp(`${instanceId}:/no/such`, out);
      deepEqual([absent.code, absent.stderr], [1, 'ingot: there is no /no/such\n']);

      await inside(
        'cd /root/d && rm etc && mkdir etc && echo of the instance >etc/passwd && echo of the instance >etc/new',
      );
      const refused = await cp(`${instanceId}:/root/d`, out);
      equal(refused.code, 1);
      match(refused.stderr, /^ingot: .*out\/d\/etc is a link, but the copy has a folder there/m);
      const through = await cp(`${instanceId}:/root/d/etc`, join(out, 'd', 'etc'));
      match(through.stderr, /^ingot: .*out\/d\/etc is a link to/m);
      await hostIsAsItWas();

      // A tar of its own, as it pleases.
      const archives: readonly (readonly [string, RegExp])[] = [
        [
          `python3 -c 'import tarfile,sys,io\nt=tarfile.open(fileobj=sys.stdout.buffer,mode="w|")\n` +
            'd=tarfile.TarInfo("./");d.type=tarfile.DIRTYPE;d.mode=0o755;t.addfile(d)\n' +
            `f=tarfile.TarInfo("../../escaped");f.size=1;t.addfile(f,io.BytesIO(b"x"))\nt.close()'`,
          /escapes the destination/,
        ],
        [
          `python3 -c 'import tarfile,sys\nt=tarfile.open(fileobj=sys.stdout.buffer,mode="w|")\n` +
            `l=tarfile.TarInfo("./");l.type=tarfile.SYMTYPE;l.linkname="${host}/etc";t.addfile(l)\nt.close()'`,
          /its top entry is a link/,
        ],
        ['head -c 100000 /dev/urandom', /is damaged/],
        ['exec yes', /is damaged/],
      ];
      for (const [program, message] of archives) {
        await inside(
          '[ -e /usr/bin/tar.real ] || mv /usr/bin/tar /usr/bin/tar.real\ncat >/usr/bin/tar ' +
            `<<'E'\n#!/bin/bash\n${program}\nE\nchmod 755 /usr/bin/tar`,
        );
        const { code, stderr } = await cp(`${instanceId}:/root/d`, join(out, 'new'));
        equal(code, 1);
        match(stderr, message);
        doesNotMatch(stderr, /^\s+at /m);
        deepEqual(await readdir(out), ['d']);
      }
      equal(existsSync(join(local, 'escaped')), false);
      await hostIsAsItWas();
    } finally {
      await ingot(suite.dataDirectory, ['terminate', instanceId]);
      await until('the kept instance to end', 60_000, async () =>
        (await ingot(suite.dataDirectory, ['instances', '--json'])).stdout.includes('"running"') ? undefined : true,
      );
    }
  });
});
