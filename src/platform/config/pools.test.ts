import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPools } from './pools.ts';

const IMAGE = 'arn:aws:imagebuilder:eu-west-1:aws:image/debian-12-x86/x.x.x';
const read = (value: unknown): { readonly pools: object; readonly faults: readonly string[] } => {
  const faults: string[] = [];
  return { pools: readPools(value, faults, '123456789012'), faults };
};

test('a pool has its defaults, and the Region of its image', () =>
  assert.deepEqual(read({ warm: { image: IMAGE } }), {
    pools: {
      warm: {
        name: 'warm',
        image: IMAGE,
        account: '123456789012',
        region: 'eu-west-1',
        instanceType: undefined,
        size: 1,
      },
    },
    faults: [],
  }));

for (const [pool, fault] of [
  [{}, /pools\.warm\.image: is required|pools\.warm\.image/],
  [{ image: '/dev/sda' }, /pools\.warm\.image: '\/dev\/sda' is not an AMI/],
  [{ image: IMAGE, size: 17 }, /pools\.warm\.size: must be a whole number from 1 to 16/],
  [{ image: IMAGE, account: '1' }, /pools\.warm\.account: must be an account of 12 digits/],
  [{ image: IMAGE, region: 'x' }, /pools\.warm\.region: 'x' is not a Region/],
  [{ image: IMAGE, sise: 1 }, /sise/],
] as const)
  test(`${JSON.stringify(pool)} is refused`, () => assert.match(read({ warm: pool }).faults.join('\n'), fault));
