import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instanceSize, instanceTypeNames, resolveInstanceType } from './instance-types.ts';

test('sizes are those that AWS documents', () => {
  const documented: readonly [type: string, cpus: number, memoryGiB: number][] = [
    ['t2.nano', 1, 0.5],
    ['t2.micro', 1, 1],
    ['t2.medium', 2, 4],
    ['t3.nano', 2, 0.5],
    ['t3.micro', 2, 1],
    ['t3.small', 2, 2],
    ['t3a.2xlarge', 8, 32],
    ['m5.large', 2, 8],
    ['m5.24xlarge', 96, 384],
    ['m6i.xlarge', 4, 16],
    ['m6i.32xlarge', 128, 512],
    ['c5.large', 2, 4],
    ['c5.9xlarge', 36, 72],
    ['c5.18xlarge', 72, 144],
    ['c6i.8xlarge', 32, 64],
    ['r5.large', 2, 16],
    ['r5.12xlarge', 48, 384],
    ['r4.large', 2, 15.25],
    ['c4.large', 2, 3.75],
  ];
  for (const [type, cpus, memoryGiB] of documented)
    assert.deepEqual(instanceSize(type), { cpus, memoryMiB: memoryGiB * 1024 }, type);
});

test('every type has whole CPUs and whole mebibytes', () => {
  for (const type of instanceTypeNames()) {
    const { cpus, memoryMiB } = instanceSize(type);
    assert.ok(Number.isInteger(cpus) && cpus > 0 && Number.isInteger(memoryMiB) && memoryMiB >= 512, type);
  }
});

test('a type that fits the host is unchanged, a larger one is reduced and says from what', () => {
  assert.deepEqual(resolveInstanceType('t3.micro', 2, 24_000), { cpus: 2, memoryMiB: 1024 });
  assert.deepEqual(resolveInstanceType('m5.xlarge', 2, 24_000), {
    cpus: 2,
    memoryMiB: 16_384,
    cutFrom: { cpus: 4, memoryMiB: 16_384 },
  });
  assert.deepEqual(resolveInstanceType('r5.24xlarge', 2, 24_000), {
    cpus: 2,
    memoryMiB: 24_000,
    cutFrom: { cpus: 96, memoryMiB: 786_432 },
  });
});

test('unknown types are rejected with the most similar name, Arm types with the reason', () => {
  const refused: readonly [type: string, message: RegExp][] = [
    ['t3.mico', /t3\.mico is not known; the nearest is t3\.micro/],
    ['m5.larg', /nearest is m5\.large/],
    ['', /is not known/],
    ['t3', /is not known/],
    ['t3.micro.x', /is not known/],
    ['__proto__.constructor', /is not known/],
    ['t4g.micro', /Arm/],
    ['m6g.large', /Arm/],
    ['c7gn.xlarge', /Arm/],
    ['a1.medium', /Arm/],
    ['im4gn.large', /Arm/],
  ];
  for (const [type, message] of refused)
    assert.throws(() => instanceSize(type), { name: 'InstanceTypeError', message }, type);
});
