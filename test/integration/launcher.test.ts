/** The launcher, `./ingot`, before there is anything else: as a user without npm, whose only way is sudo. */
import assert from 'node:assert/strict';
import { chmod, chown, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findProgram } from '../../src/platform/files.ts';
import { run } from '../harness/processes.ts';
import { PROJECT } from '../harness/service.ts';

const NOBODY = 65534;

test('an ordinary user without npm: the same command goes on through sudo, and nothing that it waits for is kept', { timeout: 30_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-launcher-'));
  try {
    const programs = join(folder, 'bin');
    await mkdir(programs);
    for (const name of ['sh', 'id', 'readlink', 'dirname', 'find', 'flock', 'env', 'cmp']) await symlink(findProgram(name)!, join(programs, name));
    for (const name of ['ingot', 'package-lock.json']) await copyFile(join(PROJECT, name), join(folder, name));
    // Asked whether it would, sudo says yes; then it says what it was given, and tries the lock that the command takes as root.
    await writeFile(join(programs, 'sudo'), `#!/bin/sh\n[ "$1" != -n ] || exit 0\necho "$*"\nflock --nonblock '${folder}/package-lock.json' id -u >/dev/null && echo free\n`);
    for (const path of [join(programs, 'sudo'), join(folder, 'ingot')]) await chmod(path, 0o755);
    await writeFile(join(folder, '.npmrc'), '');
    await chown(folder, NOBODY, NOBODY);

    const { stdout } = await run(
      [findProgram('setpriv')!, `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', join(programs, 'sh'), join(folder, 'ingot'), 'build', 'a b.yaml'],
      { env: { PATH: programs, INGOT_DATA: '/data here', INGOT_DEBIAN_MIRROR: 'http://mirror.example/debian', HOME: folder }, timeoutMs: 20_000 },
    );

    const [command, lock] = stdout.trim().split('\n');
    assert.match(command!, /^env .*INGOT_DEBIAN_MIRROR=http:\/\/mirror\.example\/debian INGOT_DATA=\/data here .*NPM_CONFIG_USERCONFIG=\S+\/\.npmrc sh \S+\/ingot build a b\.yaml$/);
    assert.equal(lock, 'free');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
