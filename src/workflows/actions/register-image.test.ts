import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findAmi, insertAmi } from '../../catalog/amis.ts';
import { openCatalog } from '../../catalog/catalog.ts';
import { amiRecord } from '../../distribution/ami-record.ts';
import { usableDisk } from '../../images/disks.ts';
import { LayerStore } from '../../images/layer-store.ts';
import { run } from '../../platform/processes.ts';
import { StepError } from '../errors.ts';
import { newProgress } from '../machines/image-progress.ts';
import type { StepContext } from './action.ts';
import { readRegistration, registerImage } from './register-image.ts';

const SNAPSHOT = 'snap-0123456789abcdef0';
const volume = (more: object = {}, name = '/dev/xvda') => ({
  DeviceName: name,
  Ebs: { SnapshotId: SNAPSHOT, ...more },
});

test('the snapshot of the root volume is registered, larger if asked for', () => {
  assert.deepEqual(readRegistration({ blockDeviceMapping: [volume()] }), {
    snapshotId: SNAPSHOT,
    sizeBytes: undefined,
    description: undefined,
    ignored: [],
  });
  const inputs = {
    blockDeviceMapping: [volume({ VolumeSize: '20', VolumeType: 'gp3' })],
    rootDeviceName: '/dev/xvda',
    architecture: 'x86_64',
    enaSupport: true,
    description: 'd',
  };
  assert.deepEqual(readRegistration(inputs), {
    snapshotId: SNAPSHOT,
    sizeBytes: 20 * 2 ** 30,
    description: 'd',
    ignored: ['enaSupport'],
  });
});

test('a snapshot that a command printed is taken without its newline', () => {
  const { snapshotId } = readRegistration({ blockDeviceMapping: [volume({ SnapshotId: `${SNAPSHOT}\n` })] });
  assert.equal(snapshotId, SNAPSHOT);
});

test('what cannot be registered is named', () => {
  const cases: readonly (readonly [inputs: Record<string, unknown>, message: RegExp])[] = [
    [{}, /^blockDeviceMapping: name the snapshot/],
    [
      { blockDeviceMapping: [volume()], rootDeviceName: '/dev/sda1' },
      /^rootDeviceName: .* no DeviceName '\/dev\/sda1'/,
    ],
    [{ blockDeviceMapping: [volume(), volume({}, '/dev/xvdb')] }, /^blockDeviceMapping: has 2 volumes/],
    [{ blockDeviceMapping: [volume({ SnapshotId: 'ami-1' })] }, /Ebs\.SnapshotId 'ami-1' is not the ID/],
    [{ blockDeviceMapping: [null] }, /^blockDeviceMapping: /],
    [{ blockDeviceMapping: [volume({ VolumeSize: 1.5 })] }, /Ebs\.VolumeSize '1\.5' is not a whole number/],
    [{ architecture: 'arm64' }, /^architecture: 'arm64' is not supported; expected x86_64$/],
    [{ virtualizationType: 'paravirtual' }, /^virtualizationType: 'paravirtual'/],
    [{ kernelId: 'aki-1' }, /^kernelId: is not supported/],
  ];
  for (const [inputs, message] of cases)
    assert.throws(
      () => readRegistration(inputs),
      (error: Error) => error instanceof StepError && message.test(error.message),
      String(message),
    );
});

test('a disk is registered from the snapshot of an AMI, as it is or larger, and only by its own account', async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'ingot-register-'));
  const catalog = await openCatalog(dataDirectory);
  after(async () => {
    await catalog.close();
    rmSync(dataDirectory, { recursive: true });
  });
  const layers = new LayerStore(catalog, dataDirectory);
  const path = join(dataDirectory, 'layers', 'base.qcow2');
  await mkdir(join(dataDirectory, 'layers'), { recursive: true });
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', path, '1G']);
  const base = await layers.adopt(path, { test: 'base' }, { origin: 'made' });
  const plan = {
    arn: 'arn:aws:imagebuilder:us-east-1:123456789012:image/registered/1.0.0/1',
    account: '123456789012',
    region: 'us-east-1',
    image: { name: 'registered', platform: 'Linux' as const },
  };
  await insertAmi(catalog.db, {
    ...amiRecord(
      { ...plan, arn: `${plan.arn}0` },
      { id: 'ami-0123456789abcdef0', region: 'us-east-1', osVersion: 'x' },
    ),
    layer_id: base.id,
    file: 'layers/base.qcow2',
    state: 'available',
  });
  const register = async (ebs: object, account = plan.account) => {
    const progress = newProgress();
    const inputs = { blockDeviceMapping: [volume(ebs)], description: 'd' };
    const services = { catalog, layers, dataDirectory };
    const given = { plan: { ...plan, account }, progress, services, inputs, report: () => {} };
    const { imageId } = await registerImage.run(given as unknown as StepContext);
    return { progress, ami: await findAmi(catalog.db, String(imageId), 'us-east-1') };
  };

  const same = await register({});
  assert.equal(same.ami?.layer_id, base.id);
  assert.deepEqual([same.ami?.description, same.ami?.os_version], ['d', 'x']);
  assert.equal(same.progress.ami?.layer.path, path);

  const larger = await register({ VolumeSize: 2 });
  assert.equal((await usableDisk(larger.progress.ami!.layer.path)).virtualSize, 2 ** 31);
  assert.equal(larger.progress.sealed.length, 1);

  await assert.rejects(register({}, '210987654321'), /there is no snapshot snap-.* of account 210987654321/);
  await assert.rejects(register({ SnapshotId: 'snap-00000000' }), /there is no snapshot snap-00000000/);
});
