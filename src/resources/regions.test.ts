import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRegion, regionFault } from './regions.ts';

test('Regions of AWS and custom names are accepted', () => {
  for (const name of [
    'us-east-1',
    'ap-southeast-2',
    'us-gov-west-1',
    'us-iso-east-1',
    'local-dev-1',
    'local',
    'dc2',
    'rack-12-b',
    'a'.repeat(64),
  ]) {
    assert.ok(isRegion(name), name);
    assert.equal(regionFault(name), undefined);
  }
});

test('names that could leave a directory, or be confused with another, are rejected', () => {
  for (const name of [
    '',
    '.',
    '..',
    '../etc',
    'a/b',
    'a\\b',
    'us-east-1/',
    'us-east-1\n',
    'US-EAST-1',
    'us_east_1',
    'us.east',
    '-us',
    'us-',
    'us--east',
    '1us',
    'ü-1',
    'a\0b',
    '*',
    'a'.repeat(65),
  ]) {
    assert.ok(!isRegion(name), name);
    assert.match(regionFault(name)!, /^invalid Region name '.*': expected .*us-east-1/s);
  }
});
