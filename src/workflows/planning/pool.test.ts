import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poolFor } from './pool.ts';

const POOLS = {
  warm: {
    name: 'warm',
    image: 'ami-12345678',
    account: '123456789012',
    region: 'us-east-1',
    instanceType: undefined,
    size: 1,
  },
};
const PLACE = { account: '123456789012', region: 'us-east-1' };
const named = (name: string, capacityWaitTimeoutSeconds?: number) => ({
  infrastructureConfiguration: { parentInstance: { autoScalingGroup: { name, capacityWaitTimeoutSeconds } } },
});

test('a pool is found by its name, with how long it may be waited for', () => {
  assert.deepEqual(poolFor(POOLS, named('warm'), PLACE), { name: 'warm', waitSeconds: 0 });
  assert.deepEqual(poolFor(POOLS, named('warm', 60), PLACE), { name: 'warm', waitSeconds: 60 });
  assert.equal(poolFor(POOLS, {}, PLACE), undefined);
});

for (const [what, image, place, message] of [
  ['another name', named('warn'), PLACE, /the pool 'warn' does not exist\..*'warm'/],
  ['a name of objects', named('constructor'), PLACE, /'constructor' does not exist/],
  ['another account', named('warm'), { ...PLACE, account: '1' }, /the pool 'warm' does not exist\. The operator/],
  ['another Region', named('warm'), { ...PLACE, region: 'eu-west-1' }, /is in us-east-1, and the image in eu-west-1/],
  ['a container image', { ...named('warm'), type: 'DOCKER' as const }, PLACE, /container images are not built in one/],
] as const)
  test(`${what} is refused`, () => assert.throws(() => poolFor(POOLS, image, place), message));
