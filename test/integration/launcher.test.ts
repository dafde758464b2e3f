/** The launcher, `./ingot`, before there is anything else: as a user without npm, whose only way is sudo. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, chown, copyFile, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findProgram } from '../../src/platform/files.ts';
import { run } from '../harness/processes.ts';
import { PROJECT } from '../harness/service.ts';

const NOBODY = 65534;
const NODE_PACKAGE = `node-linux-${process.arch}`;

test('an ordinary user without npm: the same command goes on through sudo, and nothing that it waits for is kept', {
  timeout: 30_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-launcher-'));
  try {
    const programs = join(folder, 'bin');
    await mkdir(programs);
    for (const name of ['sh', 'id', 'readlink', 'dirname', 'find', 'flock', 'env', 'cmp', 'uname'])
      await symlink(findProgram(name)!, join(programs, name));
    for (const name of ['ingot', 'package-lock.json']) await copyFile(join(PROJECT, name), join(folder, name));
    // Asked whether it would, sudo says yes; then it says what it was given, and tries the lock that the command takes
    // as root.
    await writeFile(
      join(programs, 'sudo'),
      `#!/bin/sh\n[ "$1" != -n ] || exit 0\necho "$*"\nflock --nonblock '${folder}/package-lock.json' id -u ` +
        '>/dev/null && echo free\n',
    );
    for (const path of [join(programs, 'sudo'), join(folder, 'ingot')]) await chmod(path, 0o755);
    await writeFile(join(folder, '.npmrc'), '');
    await chown(folder, NOBODY, NOBODY);

    const { stdout } = await run(
      [
        findProgram('setpriv')!,
        `--reuid=${NOBODY}`,
        `--regid=${NOBODY}`,
        '--clear-groups',
        join(programs, 'sh'),
        join(folder, 'ingot'),
        'build',
        'a b.yaml',
      ],
      {
        env: {
          PATH: programs,
          INGOT_DATA: '/data here',
          INGOT_DEBIAN_MIRROR: 'http://mirror.example/debian',
          HOME: folder,
        },
        timeoutMs: 20_000,
      },
    );

    const [command, lock] = stdout.trim().split('\n');
    assert.match(
      command!,
      /^env .*INGOT_DEBIAN_MIRROR=http:\/\/mirror\.example\/debian INGOT_DATA=\/data here .*NPM_CONFIG_USERCONFIG=\S+\/\.npmrc sh \S+\/ingot build a b\.yaml$/,
    );
    assert.equal(lock, 'free');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** A checkout whose Node is a script that says that it runs, and a `sha256sum` that counts how often it is asked. */
async function checkoutWithNode(): Promise<{
  readonly folder: string;
  readonly node: string;
  asked(): Promise<number>;
  ingot(...argv: string[]): Promise<{ code: number | null; stdout: string; stderr: string }>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-launcher-'));
  const node = join(folder, 'node_modules', NODE_PACKAGE, 'bin', 'node');
  const program = '#!/bin/sh\necho "ran with $*"\n';
  const programs = join(folder, 'bin');
  const count = join(folder, 'count');
  for (const path of [join(node, '..'), join(folder, 'node_modules', '.bin'), join(folder, 'data'), programs])
    await mkdir(path, { recursive: true });
  for (const name of ['ingot', 'package-lock.json']) await copyFile(join(PROJECT, name), join(folder, name));
  await writeFile(node, program, { mode: 0o755 });
  await writeFile(join(folder, 'node_modules', '.package-lock.json'), '{}');
  await writeFile(
    join(folder, 'data', 'node.sha256'),
    `${createHash('sha256').update(program).digest('hex')}  node_modules/${NODE_PACKAGE}/bin/node\n`,
  );
  await writeFile(
    join(programs, 'sha256sum'),
    `#!/bin/sh\necho asked >>'${count}'\nexec '${findProgram('sha256sum')!}' "$@"\n`,
    { mode: 0o755 },
  );
  await chmod(join(folder, 'ingot'), 0o755);
  return {
    folder,
    node,
    asked: async () => (await readFile(count, 'utf8').catch(() => '')).split('\n').length - 1,
    ingot: (...argv) =>
      run([join(folder, 'ingot'), ...argv], {
        env: { PATH: `${programs}:/usr/bin:/bin` },
        okCodes: 'any',
        timeoutMs: 20_000,
      }),
  };
}

test('Node is compared with its checksum before it first runs, not at every start, and again when its file is another', {
  timeout: 60_000,
}, async () => {
  const { folder, node, asked, ingot } = await checkoutWithNode();
  try {
    const first = await ingot('--version');
    assert.match(first.stdout, /^ran with .*src\/commands\/main\.ts --version$/m, first.stderr);
    assert.equal(await asked(), 1);
    await ingot('--version');
    assert.equal((await ingot('--node', 'a.ts', 'b')).stdout, 'ran with a.ts b\n');
    assert.equal(await asked(), 1);

    // As a replaced file whose times say nothing: what the kernel notes cannot be set.
    await writeFile(node, `${await readFile(node, 'utf8')}# changed\n`);
    await utimes(node, new Date(0), new Date(0));
    for (const argv of [['--version'], ['--node', 'test/run.ts'], ['doctor']]) {
      const { code, stdout, stderr } = await ingot(...argv);
      assert.equal(code, 1, argv.join(' '));
      assert.equal(stdout, '', 'it did not run');
      assert.match(
        stderr,
        /is not the Node that belongs to this version of Ingot: its SHA-256 is not the one in \S+\/data\/node\.sha256\. It was not run\./,
      );
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a new list of checksums is compared with at the next start, and Node that is on none does not run', {
  timeout: 60_000,
}, async () => {
  const { folder, asked, ingot } = await checkoutWithNode();
  try {
    await ingot('--version');
    await writeFile(
      join(folder, 'data', 'node.sha256'),
      `${await readFile(join(folder, 'data', 'node.sha256'), 'utf8')}${'0'.repeat(64)}  ` +
        'node_modules/another/bin/node\n',
    );
    assert.equal((await ingot('--version')).code, 0);
    assert.equal(await asked(), 2);
    await writeFile(join(folder, 'data', 'node.sha256'), `${'0'.repeat(64)}  node_modules/another/bin/node\n`);
    const { code, stdout } = await ingot('--version');
    assert.deepEqual([code, stdout], [1, '']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
