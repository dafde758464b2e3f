import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockAhead } from '../mirror.ts';
import { noDevice, untried } from './acceleration.ts';
import { cliVerdict, installCli } from './aws-cli.ts';
import { cgroupVerdict, cgroupVersion } from './cgroups.ts';
import { clockVerdict } from './clock.ts';
import { accessVerdict, type DirectoryAccess } from './data-directory-access.ts';
import { mirrorVerdict } from './mirror.ts';
import { networkVerdict } from './network.ts';
import { processListVerdict, usersWhoLogIn } from './process-list.ts';
import { processorVerdict } from './processor.ts';
import { modulesVerdict } from './security-modules.ts';
import { fileSystemOf, spaceBlocks, spaceVerdict } from './space.ts';
import { filterVerdict } from './system-call-filters.ts';
import { untrustedVerdict } from './untrusted-authors.ts';

const GIB = 1024 ** 3;
const MINUTE = 60_000;
const NOW = Date.parse('2026-11-20T12:00:00Z');

test("clock: the difference to a server's clock, including caches", () => {
  assert.equal(clockAhead('Fri, 20 Nov 2026 11:59:00 GMT', undefined, NOW), MINUTE);
  assert.equal(clockAhead('Fri, 20 Nov 2026 11:00:00 GMT', '3600', NOW), 0);
  assert.equal(clockAhead('Fri, 20 Nov 2026 12:05:00 GMT', 'rubbish', NOW), -5 * MINUTE);
  assert.equal(clockAhead('yesterday', undefined, NOW), undefined);
  assert.equal(clockAhead(undefined, undefined, NOW), undefined);
});

test('clock: the verdict', () => {
  const rows: readonly (readonly [number, number | undefined, string, RegExp])[] = [
    [NOW, 0, 'ok', /agrees/],
    [NOW, -MINUTE, 'ok', /agrees/],
    [NOW, 7 * MINUTE, 'warn', /^7 min ahead of/],
    [NOW, -5 * 60 * MINUTE, 'warn', /^5 h behind/],
    [NOW, -72 * 60 * MINUTE, 'fail', /^3 days behind/],
    [NOW, undefined, 'ok', /nothing to compare/],
    [0, undefined, 'fail', /1970-01-01/],
  ];
  for (const [now, ahead, status, detail] of rows) {
    const verdict = clockVerdict(now, ahead);
    assert.equal(verdict.status, status);
    assert.match(verdict.detail, detail);
  }
});

test('processor and memory', () => {
  const host = { architecture: 'x64', cores: 4, total: 16 * GIB, available: 8 * GIB, patience: 1 };
  const rows: readonly (readonly [Partial<typeof host>, string, RegExp])[] = [
    [{}, 'ok', /^x86-64, 4 cores, 8\.0 GiB of 16\.0 GiB/],
    [{ cores: 1 }, 'warn', /1 core,.*one core/],
    [{ patience: 13.2 }, 'warn', /slow, as a machine that is itself emulated; .* 13 times as long/],
    [{ available: 2 * GIB }, 'warn', /t3\.nano/],
    [{ available: 0.5 * GIB }, 'fail', /too little/],
    [{ architecture: 'arm64' }, 'fail', /arm64/],
  ];
  for (const [changed, status, detail] of rows) {
    const verdict = processorVerdict({ ...host, ...changed });
    assert.equal(verdict.status, status);
    assert.match(verdict.detail, detail);
  }
});

test('data directory: what it is suitable for, and when an attempt is useless', () => {
  const found = {
    dataDirectory: '/var/lib/ingot',
    free: 50 * GIB,
    fileSystem: 'ext4',
    writable: true,
    haveBase: false,
  };
  const rows: readonly (readonly [Partial<typeof found>, string, RegExp, boolean])[] = [
    [{}, 'ok', /^\/var\/lib\/ingot: 50\.0 GiB free, ext4$/, false],
    [{ free: 6 * GIB }, 'warn', /a few images only/, false],
    [{ free: 4 * GIB }, 'fail', /base image .* take some 5 GiB/, false],
    [{ free: 1 * GIB }, 'fail', /take some 5 GiB/, true],
    [{ free: 4 * GIB, haveBase: true }, 'warn', /a few images only/, false],
    [{ free: 0.5 * GIB, haveBase: true }, 'fail', /a build takes some 1 GiB/, false],
    [{ free: 1024, haveBase: true }, 'fail', /a build takes/, true],
    [{ fileSystem: 'nfs4' }, 'warn', /local file system/, false],
    [{ fileSystem: 'tmpfs' }, 'warn', /lost when this host restarts/, false],
    [{ writable: false }, 'fail', /not writable/, true],
  ];
  for (const [changed, status, detail, blocks] of rows) {
    const verdict = spaceVerdict({ ...found, ...changed });
    assert.equal(verdict.status, status, verdict.detail);
    assert.match(verdict.detail, detail);
    assert.equal(spaceBlocks({ ...found, ...changed }) !== undefined, blocks, verdict.detail);
  }
});

test('data directory: a path is on the file system of the longest mount point, the last of several', () => {
  const mountinfo = [
    '1 0 8:1 / / rw - ext4 /dev/sda1 rw',
    '2 1 8:2 / /var/lib rw shared:1 - xfs /dev/sdb rw',
    '3 1 0:5 / /var/lib/big\\040disk rw - ext4 /dev/sdc rw',
    '4 3 0:6 / /var/lib/big\\040disk rw - tmpfs none rw',
    '',
  ].join('\n');
  const rows = [
    ['/', 'ext4'],
    ['/var/library', 'ext4'],
    ['/var/lib', 'xfs'],
    ['/var/lib/ingot', 'xfs'],
    ['/var/lib/big disk/x', 'tmpfs'],
  ];
  for (const [path, type] of rows) assert.equal(fileSystemOf(mountinfo, path!), type);
  assert.equal(fileSystemOf('', '/x'), 'unknown');
});

test('cgroups: version, and limits that cannot be set', () => {
  const one = '1 0 0:1 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu';
  const two = '2 0 0:2 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw';
  assert.equal(cgroupVersion(`${one}\n${two}`), '1 and 2');
  assert.equal(cgroupVersion(one), '1');
  assert.equal(cgroupVersion(two), '2');
  assert.equal(cgroupVersion(''), 'none');
  assert.equal(cgroupVerdict('2', []).status, 'ok');
  assert.match(cgroupVerdict('2', ['memory', 'pids']).detail, /nothing limits memory, pids/);
  assert.equal(cgroupVerdict('2', ['memory']).status, 'warn');
  assert.deepEqual(
    [cgroupVerdict('1', undefined).status, cgroupVerdict('1', undefined).remedy],
    ['fail', 'mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified'],
  );
  assert.equal(cgroupVerdict('none', undefined).remedy, 'mount -t cgroup2 none /sys/fs/cgroup');
});

test('package mirror: an unreachable one is a failure only without a base image', () => {
  const url = 'http://mirror.example/debian';
  assert.deepEqual(mirrorVerdict({ url, status: 200 }, false), { status: 'ok', detail: `${url} answers` });
  assert.equal(mirrorVerdict({ url, failure: 'it refuses connections' }, false).status, 'fail');
  assert.equal(mirrorVerdict({ url, failure: 'it refuses connections' }, true).status, 'warn');
  assert.match(mirrorVerdict({ url, status: 404 }, false).detail, /status 404: is it a mirror of Debian/);
  assert.equal(
    mirrorVerdict({ url, status: 404 }, false).remedy,
    'export INGOT_DEBIAN_MIRROR=http://deb.debian.org/debian',
  );
  assert.equal(mirrorVerdict({ url: 'http://deb.debian.org/debian', failure: 'x' }, false).remedy, undefined);
});

test('package mirror: the proxy, which may contain a password, is not shown', () => {
  assert.deepEqual(mirrorVerdict({ url: 'http://m/debian', status: 200, proxy: 'http://u:secret@p:3128' }, false), {
    status: 'ok',
    detail: 'http://m/debian answers (through the proxy of this host)',
  });
});

test('networks: the findings inside one', () => {
  const host = {
    name: 'deb.debian.org',
    proxied: false,
    resolversOnLoopback: false,
    addresses: ['127.0.0.1', '192.0.2.7'],
  };
  const works = { dns: { address: '198.51.100.1' }, connection: {}, open: [] };
  const noDns = { dns: { failure: 'ETIMEOUT' }, open: [] };
  const rows: readonly (readonly [Parameters<typeof networkVerdict>[0], Partial<typeof host>, string, RegExp])[] = [
    [works, {}, 'ok', /resolves and reaches deb\.debian\.org/],
    [{ ...works, open: ['192.0.2.7'] }, {}, 'fail', /reaches this host at 192\.0\.2\.7/],
    [noDns, {}, 'fail', /cannot resolve deb\.debian\.org \(no answer\)$/],
    [noDns, { proxied: true }, 'warn', /cannot resolve/],
    [noDns, { resolversOnLoopback: true }, 'fail', /only resolvers on its loopback/],
    [{ ...works, connection: { failure: 'ECONNREFUSED' } }, {}, 'warn', /does not reach deb\.debian\.org \(refused\)$/],
    [{ ...works, connection: { failure: 'EODD' } }, { proxied: true }, 'warn', /\(EODD\): this host uses a proxy/],
    [
      { ...works, dns: { address: '192.0.2.7' }, connection: { failure: 'ECONNREFUSED' } },
      {},
      'warn',
      /which is on this host itself/,
    ],
  ];
  for (const [answer, changed, status, detail] of rows) {
    const verdict = networkVerdict(answer, { ...host, ...changed });
    assert.equal(verdict.status, status);
    assert.match(verdict.detail, detail);
  }
});

test('KVM: without a device, what the processor supports', () => {
  assert.equal(noDevice('processor : 0\nflags\t\t: fpu vmx ssse3\n').remedy, 'modprobe kvm_intel');
  assert.equal(noDevice('flags\t\t: fpu svm\n').remedy, 'modprobe kvm_amd');
  assert.equal(noDevice('flags\t\t: fpu vmxnet\n').remedy, undefined);
  assert.equal(noDevice('').status, 'warn');
});

test('KVM: if it could not be tested, what provides a kernel', () => {
  const { status, detail, remedy } = untried({ accelerator: 'tcg', reason: 'there is no kernel file to try it with' });
  assert.equal(status, 'warn');
  assert.match(detail, /^there is no kernel file.*emulated.*base image/);
  assert.equal(remedy, './ingot build examples/nginx/template.yaml && ./ingot doctor');
});

test('AWS CLI: a version that supports the endpoint variables', () => {
  assert.equal(cliVerdict('/usr/bin/aws', 'aws-cli/2.15.30 Python/3.11.8', 'mend').status, 'ok');
  assert.match(cliVerdict('/usr/bin/aws', 'aws-cli/1.22.34 Python/3.9', 'mend').detail, /1\.22\.34, older than 1\.29/);
  assert.match(cliVerdict('/usr/bin/aws', 'command broken', 'mend').detail, /printed no version/);
});

test('AWS CLI: the command that installs a new enough version', () => {
  assert.equal(installCli('NAME="Debian GNU/Linux"\nVERSION_ID="13"\nID=debian\n'), 'apt-get install -y awscli');
  assert.match(installCli('VERSION_ID="12"\nID=debian\n'), /^apt-get install -y pipx && .*pipx install awscli$/);
  assert.match(installCli('VERSION_ID="24.04"\nID=ubuntu\n'), /pipx install awscli$/);
});

test('system call filters: which are active', () => {
  const rows: readonly (readonly [Parameters<typeof filterVerdict>[0], string, RegExp])[] = [
    [{ kernel: true, nspawn: true, qemu: '2' }, 'ok', /system containers and of QEMU$/],
    [{ kernel: false, nspawn: true, qemu: '0' }, 'fail', /CONFIG_SECCOMP_FILTER/],
    [{ kernel: true, nspawn: false, qemu: '2' }, 'fail', /^systemd-nspawn is built without seccomp/],
    [{ kernel: true, nspawn: true, qemu: '0' }, 'fail', /^QEMU does not run in its sandbox$/],
    [
      { kernel: true, nspawn: true, qemu: '-sandbox on: seccomp is not built in\nmore' },
      'fail',
      /sandbox \(-sandbox on: seccomp is not built in\)$/,
    ],
  ];
  for (const [found, status, detail] of rows) {
    const verdict = filterVerdict(found);
    assert.equal(verdict.status, status);
    assert.match(verdict.detail, detail);
  }
});

test('data directory access: who can read it, and who could replace it', () => {
  const dataDirectory = '/srv/my data';
  const safe = [
    { path: '/srv', uid: 0, mode: 0o755 },
    { path: '/', uid: 0, mode: 0o755 },
  ];
  const closed = { uid: 0, mode: 0o700, open: 0 };
  const rows: readonly (readonly [Partial<DirectoryAccess>, string, RegExp, string?])[] = [
    [{}, 'ok', /will be open to its owner only/],
    [{ directory: closed }, 'ok', /and its contents are open to their owner only$/],
    [{ directory: { ...closed, open: 3 } }, 'ok', /closes the 3 files/],
    [
      { directory: { ...closed, mode: 0o755 } },
      'warn',
      /can read \/srv\/my data \(mode 755\)/,
      'chmod 700 "/srv/my data"',
    ],
    [{ directory: { ...closed, uid: 1000 } }, 'warn', /belongs to uid 1000/, 'chown -R 0 "/srv/my data"'],
    [
      { directory: closed, parents: [{ path: '/srv', uid: 0, mode: 0o777 }] },
      'warn',
      /because they can write to \/srv:/,
    ],
    [
      { directory: closed, parents: [{ path: '/srv', uid: 1000, mode: 0o755 }] },
      'warn',
      /because they can write to \/srv:/,
    ],
    [{ directory: closed, parents: [{ path: '/tmp', uid: 0, mode: 0o1777 }] }, 'ok', /owner only$/],
    [
      { own: 1000, directory: { ...closed, uid: 1000 }, parents: [{ path: '/home/me', uid: 1000, mode: 0o755 }] },
      'ok',
      /owner only$/,
    ],
  ];
  for (const [changed, status, detail, remedy] of rows) {
    const verdict = accessVerdict({ dataDirectory, own: 0, parents: safe, ...changed });
    assert.equal(verdict.status, status, verdict.detail);
    assert.match(verdict.detail, detail);
    assert.equal(verdict.remedy, remedy);
  }
});

test('process list: who can see it', () => {
  const passwd =
    'root:x:0:0::/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\n' +
    'me:x:1000:1000::/home/me:/bin/bash\nbot:x:1001:1001::/:/bin/false\nnobody:x:65534:65534::/:/usr/sbin/nologin\n';
  assert.deepEqual(usersWhoLogIn(passwd), ['me']);
  assert.equal(processListVerdict(false, ['me']).status, 'ok');
  assert.equal(processListVerdict(true, []).status, 'ok');
  const { status, detail } = processListVerdict(true, ['a', 'b', 'c', 'd']);
  assert.equal(status, 'warn');
  assert.match(detail, /: a, b, c and 1 more can log in here\. .*hidepid/);
});

test('AppArmor and SELinux: shown, but not relied on', () => {
  assert.match(modulesVerdict({ apparmor: false, selinux: '', own: '' }).detail, /^neither is active/);
  assert.match(
    modulesVerdict({ apparmor: true, selinux: '', own: 'unconfined' }).detail,
    /^AppArmor is active and does not confine Ingot/,
  );
  assert.match(
    modulesVerdict({ apparmor: false, selinux: '1', own: 'system_u:system_r:ingot_t:s0' }).detail,
    /^SELinux \(enforcing\) is active and confines Ingot as system_u/,
  );
  assert.match(
    modulesVerdict({ apparmor: false, selinux: '0', own: 'unconfined_u:unconfined_r:unconfined_t:s0' }).detail,
    /^SELinux \(permissive\) is active and does not confine/,
  );
});

test('untrusted components: what to do', () => {
  assert.match(
    untrustedVerdict(true, { accelerator: 'kvm' }).detail,
    /ingot:driver: qemu \(resourceTags\) to build in a virtual machine with a kernel of its own$/,
  );
  for (const [machines, detail] of [
    [true, /ingot:driver: qemu .* on a host where KVM works/],
    [false, /do not build components here/],
  ] as const) {
    const verdict = untrustedVerdict(machines, { accelerator: 'tcg' });
    assert.equal(verdict.status, 'warn');
    assert.match(verdict.detail, detail);
  }
});
