import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseBuildDriver, chooseTestDriver, refusePlatform } from './choose-driver.ts';

const all = { nspawn: [], qemu: [] };

test('builds run in a system container by default', () => {
  assert.equal(chooseBuildDriver(undefined, all).driver, 'nspawn');
  assert.equal(chooseBuildDriver({ team: 'x' }, all).driver, 'nspawn');
});

test('the resource tag names another driver', () => {
  assert.equal(chooseBuildDriver({ 'ingot:driver': 'qemu' }, all).driver, 'qemu');
});

test('an unknown driver is rejected with a list of the known ones', () => {
  assert.throws(() => chooseBuildDriver({ 'ingot:driver': 'docker' }, all), /'docker'; expected one of: nspawn, qemu/);
});

test('a named driver that cannot work is rejected with what it lacks', () => {
  assert.throws(
    () => chooseBuildDriver({ 'ingot:driver': 'qemu' }, { nspawn: [], qemu: ['no qemu'] }),
    /the driver qemu does not work on this host: no qemu/,
  );
});

test('without system containers the default is a virtual machine, and the reason says why', () => {
  const choice = chooseBuildDriver(undefined, { nspawn: ['no systemd-nspawn'], qemu: [] });
  assert.deepEqual(choice, { driver: 'qemu', reason: 'no system container on this host: no systemd-nspawn' });
});

test('tests always boot a virtual machine', () => {
  assert.equal(chooseTestDriver(all).driver, 'qemu');
  assert.throws(() => chooseTestDriver({ nspawn: [], qemu: ['install qemu'] }), /install qemu/);
});

test('an untrusted disk is built on in a virtual machine', () => {
  assert.equal(chooseBuildDriver(undefined, all, 'trusted').driver, 'nspawn');
  assert.deepEqual(chooseBuildDriver(undefined, all, 'untrusted'), {
    driver: 'qemu',
    reason: 'its parent image is a disk that was imported or fetched, whose file systems this host does not mount',
  });
  assert.equal(chooseBuildDriver({ 'ingot:driver': 'qemu' }, all, 'untrusted').driver, 'qemu');
  assert.throws(
    () => chooseBuildDriver({ 'ingot:driver': 'nspawn' }, all, 'untrusted'),
    /names the driver 'nspawn', and the image is built in a virtual machine.*--trusted/,
  );
  assert.throws(
    () => chooseBuildDriver(undefined, { nspawn: [], qemu: ['no qemu'] }, 'untrusted'),
    /virtual machines do not work on this host: no qemu/,
  );
});

test('an operating system that no driver supports is rejected with advice', () => {
  refusePlatform('Linux');
  refusePlatform(undefined);
  assert.throws(() => refusePlatform('Windows'), /does not support Windows instances yet.*toe run FILE --on ssh:/);
  assert.throws(() => refusePlatform('macOS'), /does not support macOS instances yet/);
});
