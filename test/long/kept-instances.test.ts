/**
 * Instances of failed builds, kept: entered by `ingot shell`, read and written by `ingot cp`, on both drivers, over the
 * end of a server.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from '../../src/platform/clock.ts';
import { run, start } from '../harness/processes.ts';
import { assertNothingLeft, hostState, type HostState } from '../harness/host-state.ts';
import { createTestImage, waitForStatus } from '../harness/images.ts';
import { dataDirectoryWithBase, imageLog, ingot, MAIN, startServer, type TestServer } from '../harness/service.ts';

const FAILS = `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: Fail
        action: ExecuteBash
        inputs: { commands: ['echo traces >/root/traces', 'exit 3'] }
`;

interface Described {
  readonly instanceId: string;
  readonly driver: string;
  readonly state: string;
  readonly image: string;
  readonly keptUntil?: string;
}

describe('kept instances', () => {
  let state: HostState;
  let dataDirectory: string;
  let local: string;
  let server: TestServer;
  const kept: Record<string, string> = {};

  const listed = async (): Promise<readonly Described[]> => {
    const { stdout } = await ingot(dataDirectory, ['instances', '--json']);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Described);
  };
  const layers = (): number => readdirSync(join(dataDirectory, 'layers')).length;
  let layersBefore: number;

  before(async () => {
    state = await hostState();
    dataDirectory = await dataDirectoryWithBase();
    local = await mkdtemp(join(tmpdir(), 'ingot-copy-'));
    server = await startServer(dataDirectory);
    layersBefore = layers();
  });

  after(async () => {
    await server.stop();
    await assertNothingLeft(state, dataDirectory);
    for (const folder of [dirname(dataDirectory), local]) await rm(folder, { recursive: true, force: true });
  });

  test('a failed image leaves its instance, by the tag or by the infrastructure configuration', async () => {
    const images = await Promise.all([
      createTestImage(server, {
        name: 'by-tag',
        driver: 'qemu',
        components: [FAILS],
        tags: { 'ingot:keep-on-failure': '90m' },
      }),
      createTestImage(server, {
        name: 'by-configuration',
        driver: 'nspawn',
        components: [FAILS],
        terminateInstanceOnFailure: false,
      }),
      createTestImage(server, { name: 'not-kept', driver: 'nspawn', components: [FAILS] }),
    ]);
    for (const arn of images) assert.equal((await waitForStatus(server, arn)).state?.status, 'FAILED');
    for (const { instanceId, driver, image, keptUntil, state: now } of await listed()) {
      assert.equal(now, 'running');
      assert.equal(image, images[driver === 'qemu' ? 0 : 1]);
      assert.ok(keptUntil !== undefined && Date.parse(keptUntil) > Date.now());
      assert.match(
        (await imageLog(dataDirectory, image)).map(({ text }) => text).join('\n'),
        new RegExp(`ingot shell ${instanceId}`),
      );
      kept[driver] = instanceId;
    }
    assert.deepEqual(Object.keys(kept).sort(), ['nspawn', 'qemu']);
    assert.match((await ingot(dataDirectory, ['instances'])).stdout, /by-tag\/1\.0\.0\/1 .*build instance, kept until/);
  });

  for (const driver of ['nspawn', 'qemu']) {
    describe(driver, () => {
      test('a script goes through the shell; its streams and its exit code come back', async () => {
        const { code, stdout, stderr } = await run(
          [process.execPath, MAIN, 'shell', kept[driver]!, '--data', dataDirectory],
          {
            okCodes: 'any',
            input: 'cat /root/traces; echo no >&2\nsleep 60 &\ncd /etc && pwd; exit 7\n',
          },
        );
        assert.deepEqual([code, stdout, stderr], [7, 'traces\n/etc\n', 'no\n']);
      });

      test('a terminal: its size, another one, Ctrl-C, the exit code; this side is as it was', async () => {
        const ended = await onTerminal(['shell', kept[driver]!, '--data', dataDirectory], async (terminal) => {
          terminal.type('tty; stty size; sleep 1000\r');
          await terminal.shows(/\/dev\/pts\/\d+[^\n]*\n24 80/);
          terminal.type('\u0003');
          terminal.type('echo after $((40 + 2))\r');
          await terminal.shows(/after 42/);
          await terminal.resize(20, 60);
          await terminal.repeats('stty size\r', /[\r\n]20 60/);
          terminal.type('exit 9\r');
        });
        assert.deepEqual(ended, { code: 9, cooked: true });
      });

      test('files and folders go in and come out, with modes, times and links', async () => {
        const tree = join(local, driver);
        await mkdir(join(tree, 'in', 'deep', 'empty'), { recursive: true });
        await writeFile(join(tree, 'in', 'deep', 'a file'), 'content');
        await writeFile(join(tree, 'in', 'large'), Buffer.alloc(3 << 20, 'large '));
        await chmod(join(tree, 'in', 'deep', 'a file'), 0o6750);
        await utimes(join(tree, 'in', 'deep', 'a file'), 1_500_000_000, 1_500_000_000);
        await symlink('../large', join(tree, 'in', 'deep', 'link'));
        const copy = async (...args: string[]): Promise<void> => {
          const { code, stderr } = await ingot(dataDirectory, ['cp', ...args]);
          assert.deepEqual([code, stderr], [0, '']);
        };
        await copy(join(tree, 'in'), `${kept[driver]}:/root/made`);
        await copy(`${kept[driver]}:/root/made`, join(tree, 'out'));
        const contents = async (folder: string): Promise<string> =>
          (await run(['find', '.', '-printf', '%p %y %TY-%Tm-%Td %TH:%TM %l\n'], { cwd: folder })).stdout
            .split('\n')
            .sort()
            .join('\n');
        assert.equal(await contents(join(tree, 'out')), await contents(join(tree, 'in')));
        const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
        assert.equal(digest(join(tree, 'out', 'large')), digest(join(tree, 'in', 'large')));
        const inside = await ingot(dataDirectory, [
          'exec',
          kept[driver]!,
          '--',
          'stat',
          '-c',
          '%a %u',
          '/root/made/deep/a file',
        ]);
        assert.equal(inside.stdout, '750 0\n');

        // One file through stdin and stdout, over one that is there.
        for (const text of ['first', 'second']) {
          const { code } = await run(
            [process.execPath, MAIN, 'cp', '-', `${kept[driver]}:/root/single`, '--data', dataDirectory],
            { input: text, okCodes: 'any' },
          );
          assert.equal(code, 0);
        }
        assert.equal((await ingot(dataDirectory, ['cp', `${kept[driver]}:/root/single`, '-'])).stdout, 'second');
      });

      test('what cannot be copied is said, and nothing is half-written', async () => {
        const { code, stderr } = await ingot(dataDirectory, ['cp', `${kept[driver]}:/no/such`, local]);
        assert.deepEqual([code, stderr], [1, 'ingot: there is no /no/such\n']);
        const nowhere = await ingot(dataDirectory, ['cp', MAIN, `${kept[driver]}:/no/folder/x`]);
        assert.deepEqual([nowhere.code, nowhere.stderr], [1, 'ingot: folder /no/folder does not exist\n']);

        // Cut off in the middle: stdin of a copy that never ends, and the copy is killed.
        const big = join(local, `${driver}-big`);
        await run(['truncate', '--size=4G', big]);
        const cut = await start([
          process.execPath,
          MAIN,
          'cp',
          big,
          `${kept[driver]}:/root/cut`,
          '--data',
          dataDirectory,
        ]);
        const stages = async (): Promise<string> =>
          (
            await ingot(dataDirectory, [
              'exec',
              kept[driver]!,
              '--',
              'sh',
              '-c',
              'ls -A /root | grep -e cut -e ingot-cp',
            ])
          ).stdout;
        await until('the copy to begin', 300_000, async () => ((await stages()) === '' ? undefined : true));
        cut.kill('SIGINT');
        assert.equal((await cut.exited).code, 130);
        await until('nothing of the copy to be left', 300_000, async () =>
          (await stages()) === '' ? true : undefined,
        );
        assert.deepEqual(
          (await readdir(local)).filter((name) => name.startsWith('.ingot-cp')),
          [],
        );
      });
    });
  }

  test('they outlive a server that is killed; terminate ends them and frees their layers', async () => {
    await server.kill();
    server = await startServer(dataDirectory);
    assert.deepEqual(
      (await listed()).map(({ instanceId, state: now }) => [instanceId, now]).sort(),
      Object.values(kept)
        .map((id) => [id, 'running'])
        .sort(),
    );
    for (const id of Object.values(kept)) {
      const { code, stdout, stderr } = await ingot(dataDirectory, ['exec', id, '--', 'cat', '/root/traces']);
      assert.deepEqual([code, stdout, stderr], [0, 'traces\n', '']);
    }
    const { code, stderr } = await ingot(dataDirectory, ['terminate', ...Object.values(kept)]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await listed(), []);
    assert.equal(layers(), layersBefore);
  });

  test('one whose time is over is ended', async () => {
    const arn = await createTestImage(server, {
      name: 'briefly',
      driver: 'nspawn',
      components: [FAILS],
      tags: { 'ingot:keep-on-failure': '3s' },
    });
    assert.equal((await waitForStatus(server, arn)).state?.status, 'FAILED');
    await until('it to be ended', 300_000, async () => ((await listed()).length === 0 ? true : undefined), {
      everyMs: 500,
    });
    assert.equal(layers(), layersBefore);
  });
});

interface Terminal {
  type(text: string): void;
  shows(what: RegExp): Promise<void>;
  /** Types until it shows: for what takes effect some time later. */
  repeats(text: string, what: RegExp): Promise<void>;
  resize(rows: number, columns: number): Promise<void>;
}

/**
 * Runs a command of Ingot's on a terminal of its own, which util-linux's `script` makes. Tells how it ended, and
 * whether the terminal takes lines and echoes again.
 */
async function onTerminal(
  args: readonly string[],
  work: (terminal: Terminal) => Promise<void>,
): Promise<{ code: number | null; cooked: boolean }> {
  // Nothing of it is a user's: the arguments come in the environment.
  const inner =
    'stty sane rows 24 cols 80; eval "set -- $INGOT_ARGS"; "$@"; code=$?; stty -a | grep -q " icanon" && stty -a | ' +
    'grep -q " echo " && echo it is cooked; exit $code';
  const quoted = [process.execPath, MAIN, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const child = await start(['script', '-qefc', inner, '/dev/null'], {
    env: { INGOT_ARGS: quoted, SHELL: '/bin/sh', TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let shown = '';
  let seen = 0;
  child.stdout!.on('data', (chunk: Buffer) => {
    shown += chunk.toString('utf8');
  });
  const patience = { everyMs: 50 };
  const appears = (what: RegExp, ms: number): Promise<void> =>
    until(
      `${what} on the terminal, which shows ${JSON.stringify(shown.slice(seen))}`,
      ms,
      () => {
        const match = what.exec(shown.slice(seen));
        if (match === null) return undefined;
        seen += match.index + match[0].length;
        return true;
      },
      patience,
    ).then(() => {});
  const terminal: Terminal = {
    type: (text) => void child.stdin!.write(text),
    shows: (what) => appears(what, 300_000),
    async repeats(text, what) {
      for (let attempt = 0; ; attempt++) {
        child.stdin!.write(text);
        try {
          return await appears(what, 3000);
        } catch (error) {
          if (attempt === 20) throw error;
        }
      }
    },
    async resize(rows, columns) {
      const tty = await until(
        'the terminal',
        10_000,
        () => {
          const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
            .split(' ')
            .filter((each) => each !== '');
          return children.length === 0 ? undefined : readlinkSync(`/proc/${children[0]}/fd/0`);
        },
        patience,
      );
      await run(['stty', '-F', tty, 'rows', String(rows), 'cols', String(columns)]);
    },
  };
  try {
    await terminal.shows(/# $/m);
    await work(terminal);
    const { code } = await child.exited;
    return { code, cooked: /it is cooked/.test(shown) };
  } finally {
    child.kill('SIGTERM');
  }
}
