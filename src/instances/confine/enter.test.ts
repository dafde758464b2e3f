import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { run } from '../../platform/processes.ts';
import { environmentInside } from '../nspawn/door.ts';
import { doorFilter } from './filter.ts';

const ENTER = fileURLToPath(new URL('enter.pl', import.meta.url));
/** Variables that a container's image may set. On the host each of them would execute something. */
const HOSTILE = {
  PERL5OPT: '-d',
  PERL5DB: 'BEGIN { print "this ran on the host\n"; exit }',
  LD_PRELOAD: '/tmp/of-the-attacker.so',
  PATH: '/tmp/of-the-attacker:/usr/bin:/bin',
  'odd name': 'a\nb',
};

test("variables of a container's image do nothing on the host, but its programs get them", async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root enters');
  const program = 'unshare';
  const outer = spawn(program, [
    ...['--user', '--mount', '--pid', '--uts', '--ipc', '--net', '--cgroup', '--fork', '--kill-child'],
    ...['sh', '-c', 'echo ready; exec sleep 60'],
  ]);
  let leader: string | undefined;
  try {
    await once(outer.stdout, 'data');
    const children = readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8');
    leader = children.trim();
    for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${leader}/${map}`, '0 0 65536');
    const stat = readFileSync(`/proc/${leader}/stat`, 'utf8');
    const born = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]!;
    const { stdout } = await run(['perl', ENTER, leader, born, doorFilter(), '--', 'cat', '/proc/self/environ'], {
      env: environmentInside({ ...HOSTILE, PERL5OPT: '-w', HOME: '/root', GONE: undefined }),
    });
    assert.deepEqual(
      stdout.split('\0').slice(0, -1).sort(),
      Object.entries({ ...HOSTILE, PERL5OPT: '-w', HOME: '/root', LC_ALL: 'C.UTF-8' })
        .map(([name, value]) => `${name}=${value}`)
        .sort(),
    );
  } finally {
    if (leader !== undefined) process.kill(Number(leader), 'SIGKILL');
    outer.kill('SIGKILL');
  }
});

test('none of them is in the environment of the program that enters', async () => {
  const { code, stdout, stderr } = await run(['perl', ENTER, '0', '0', doorFilter(), '--', 'true'], {
    env: environmentInside(HOSTILE),
    okCodes: 'any',
  });
  assert.equal(stdout, '');
  assert.equal(code, 125);
  assert.match(stderr, /^cannot enter the container/);
});
