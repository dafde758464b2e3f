import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INSTANCE_NETWORK } from '../network.ts';
import {
  diskNode,
  GUEST_NETWORK,
  inNamespace,
  machineArguments,
  NAMESPACE_ADDRESS,
  type MachineOptions,
} from './arguments.ts';

const machine: MachineOptions = {
  id: 'i-0a',
  accelerator: 'tcg',
  cpus: 2,
  memoryMiB: 1024,
  disk: '/d/top.qcow2',
  firmware: { kind: 'bios' },
  directory: '/run/ingot/a',
};

/** All values of an option. */
function values(argv: readonly string[], option: string): string[] {
  return argv.flatMap((each, index) => (each === option ? [argv[index + 1]!] : []));
}

test('a machine has only what was requested', () => {
  const argv = machineArguments(machine);
  assert.ok(argv.includes('-nodefaults') && argv.includes('-no-user-config'));
  assert.deepEqual(values(argv, '-smp'), ['2']);
  assert.deepEqual(values(argv, '-m'), ['1024M']);
  assert.deepEqual(values(argv, '-netdev'), [`user,id=net,ipv6=off,net=${GUEST_NETWORK}`]);
  assert.equal(values(argv, '-blockdev').length, 1);
});

test('the accelerator determines the processor', () => {
  assert.deepEqual(values(machineArguments(machine), '-accel'), ['tcg,thread=multi']);
  assert.deepEqual(values(machineArguments(machine), '-cpu'), [
    'qemu64,vendor=GenuineIntel,family=6,model=54,stepping=9,-svm,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16',
  ]);
  assert.deepEqual(values(machineArguments({ ...machine, accelerator: 'kvm' }), '-accel'), ['kvm']);
  assert.deepEqual(values(machineArguments({ ...machine, accelerator: 'kvm' }), '-cpu'), ['host']);
});

test('a machine with its own time has one processor, and is emulated', () => {
  const argv = machineArguments({ ...machine, ownTime: true });
  assert.deepEqual(values(argv, '-icount'), ['shift=3']);
  assert.deepEqual(values(argv, '-accel'), ['tcg']);
  assert.deepEqual(values(argv, '-smp'), ['1']);
  assert.deepEqual(values(machineArguments(machine), '-icount'), []);
});

test('the disk is opened as qcow2 and returns freed blocks', () => {
  const [disk] = values(machineArguments(machine), '-blockdev').map(
    (each) => JSON.parse(each) as Record<string, unknown>,
  );
  assert.deepEqual(disk, {
    driver: 'qcow2',
    'node-name': 'layer0',
    discard: 'unmap',
    'detect-zeroes': 'unmap',
    file: { driver: 'file', 'node-name': 'layer0-file', filename: '/d/top.qcow2', discard: 'unmap' },
  });
});

test('an overlay for a running disk names no backing file', () => {
  assert.equal((diskNode('layer1', '/d/next.qcow2', true) as { backing: unknown }).backing, null);
  assert.ok(!('backing' in diskNode('layer0', '/d/top.qcow2')));
});

test('paths with commas, spaces and quotes stay intact', () => {
  const argv = machineArguments({ ...machine, disk: '/d/a, "b".qcow2', directory: '/run/x,y' });
  assert.ok(
    values(argv, '-blockdev').some(
      (each) => (JSON.parse(each) as { file: { filename: string } }).file.filename === '/d/a, "b".qcow2',
    ),
  );
  assert.ok(
    values(argv, '-chardev')
      .filter((each) => each.startsWith('socket'))
      .every((each) => each.includes('/run/x,,y/')),
  );
});

test('published ports listen once each in the namespace, at the address that slirp4netns forwards to', () => {
  const publish = [
    { hostPort: 8080, instancePort: 80 },
    { hostPort: 8081, instancePort: 80 },
    { hostAddress: '0.0.0.0', hostPort: 2222, instancePort: 22 },
  ];
  const [netdev] = values(machineArguments({ ...machine, publish }), '-netdev');
  assert.equal(
    netdev,
    `user,id=net,ipv6=off,net=10.0.3.0/24,hostfwd=tcp:${NAMESPACE_ADDRESS}:80-:80,` +
      `hostfwd=tcp:${NAMESPACE_ADDRESS}:22-:22`,
  );
});

test('the two networks differ', () => {
  assert.notEqual(GUEST_NETWORK, INSTANCE_NETWORK);
  assert.equal(NAMESPACE_ADDRESS, '10.0.2.100');
});

test('UEFI has its code read-only, and its own variables', () => {
  const argv = machineArguments({ ...machine, firmware: { kind: 'uefi', code: '/c.fd', vars: '/v.fd' } });
  const nodes = values(argv, '-blockdev').map(
    (each) => JSON.parse(each) as { 'node-name': string; 'read-only'?: boolean },
  );
  assert.deepEqual(
    nodes.slice(0, 2).map((each) => [each['node-name'], each['read-only']]),
    [
      ['code', true],
      ['vars', undefined],
    ],
  );
  assert.match(values(argv, '-machine')[0]!, /pflash0=code,pflash1=vars$/);
  assert.ok(!argv.includes('-global'));
});

test('Secure Boot needs system management mode and protected flash', () => {
  const argv = machineArguments({
    ...machine,
    firmware: { kind: 'uefi', code: '/c.fd', vars: '/v.fd', secureBoot: true },
  });
  assert.match(values(argv, '-machine')[0]!, /smm=on/);
  assert.deepEqual(values(argv, '-global'), ['driver=cfi.pflash01,property=secure,value=on']);
});

test('a seed is a second, read-only disk that is never booted', () => {
  const argv = machineArguments({ ...machine, seedDisk: '/s.img' });
  assert.ok(
    values(argv, '-blockdev').some(
      (each) =>
        (JSON.parse(each) as { 'node-name': string; 'read-only'?: boolean })['node-name'] === 'seed' &&
        each.includes('"read-only":true'),
    ),
  );
  assert.ok(values(argv, '-device').some((each) => each === 'virtio-blk-pci,id=seed,drive=seed'));
});

test('a program enters its namespace with paths as arguments, never in the script', () => {
  const argv = inNamespace('/run/netns/n', '/r; rm -rf', ['qemu', '-x']);
  const script = argv[argv.indexOf('-ec') + 1]!;
  assert.ok(!script.includes('/r; rm'));
  assert.deepEqual(argv.slice(-4), ['/r; rm -rf', '/run/netns/n', 'qemu', '-x']);
});
