import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryOfPools } from './pools.ts';

const pool = { name: 'warm', image: 'ami-12345678', account: '123456789012', region: 'us-east-1' };

test('pools have the memory of all their instances', () => {
  assert.equal(memoryOfPools({}), 0);
  const nano = memoryOfPools({ warm: { ...pool, instanceType: 't3.nano', size: 1 } });
  assert.equal(memoryOfPools({ warm: { ...pool, instanceType: 't3.nano', size: 3 } }), 3 * nano);
});

test('an instance type that is none is a fault of the configuration', () =>
  assert.throws(
    () => memoryOfPools({ warm: { ...pool, instanceType: 'huge', size: 1 } }),
    /^ConfigError: config\.yaml: pools\.warm\.instanceType: .*huge/,
  ));
