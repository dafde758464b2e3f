import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../../platform/processes.ts';
import { deferredRuns, standIns } from './debian-deferred.ts';

test('calls that packages repeat are run once, each list in its order', () => {
  assert.deepEqual(
    deferredRuns([
      'update-ca-certificates --hooksdir ',
      'py3compile -p python3-minimal /usr/share/python3/',
      'update-initramfs -c -k 6.1.0-57-cloud-amd64 -b /boot',
      'ssh-keygen -q -f /etc/ssh/ssh_host_rsa_key -N  -t rsa',
      'py3compile -p cloud-init ',
      'py3compile -p cloud-init',
      'update-initramfs -u',
      'update-ca-certificates --fresh',
    ]),
    [
      [['/usr/sbin/update-initramfs', '-c', '-k', 'all']],
      [
        ['/usr/bin/py3compile', '-p', 'python3-minimal', '/usr/share/python3/'],
        ['/usr/bin/py3compile', '-p', 'cloud-init'],
      ],
      [['/usr/sbin/update-ca-certificates', '--fresh']],
    ],
  );
});

test('programs that no package called are not run', () => {
  assert.deepEqual(deferredRuns([]), []);
});

test("each stand-in has its program's path and is executable for everyone", async () => {
  for (const { path, content, mode } of await standIns()) {
    assert.match(path, /^\/usr\/s?bin\/[a-z0-9-]+$/);
    assert.equal(mode, 0o755);
    assert.match(content, /^#!\/bin\/sh\n/);
  }
});

const NO_SYNC = fileURLToPath(new URL('debian-no-sync.pl', import.meta.url));
/** fsync and close of a file descriptor that is not open: the kernel rejects both. */
const CALLS = ['perl', '-e', 'print syscall(74, 999), " ", syscall(3, 999)'];

test('debian-no-sync.pl: fsync succeeds at once without reaching the kernel, other calls are unchanged', {
  skip: process.getuid?.() === 0 ? false : 'only root may set such a filter',
}, async () => {
  assert.equal((await run(CALLS)).stdout, '-1 -1');
  assert.equal((await run(['perl', NO_SYNC, ...CALLS])).stdout, '0 -1');
});

test('debian-no-sync.pl exits as its program does, and with 127 if that does not exist', async () => {
  const code = async (...argv: readonly string[]): Promise<number | null> =>
    (await run(['perl', NO_SYNC, ...argv], { okCodes: 'any' })).code;
  assert.equal(await code('sh', '-c', 'exit 7'), 7);
  assert.equal(await code('/nowhere/program'), 127);
});
