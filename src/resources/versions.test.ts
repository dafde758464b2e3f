import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compareVersions,
  formatVersion,
  highestMatch,
  nextVersion,
  parseIncrement,
  parseVersion,
  parseVersionPattern,
} from './versions.ts';

const version = (text: string) => parseVersion(text)!;
const builds = (...texts: string[]) =>
  texts.map((text) => {
    const [nodes, build] = text.split('/');
    return { ...version(nodes!), build: Number(build) };
  });

test('versions are parsed', () => {
  for (const text of ['0.0.0', '1.2.3', '1073741823.0.10']) assert.equal(formatVersion(version(text)), text);
  for (const text of [
    '',
    '1',
    '1.2',
    '1.2.3.4',
    '1.2.x',
    'x.x.x',
    '1.2.-3',
    '1.2.3 ',
    'v1.2.3',
    '1073741824.0.0',
    '99999999999.0.0',
    '1.2.3\n',
  ]) {
    assert.equal(parseVersion(text), undefined, text);
  }
});

test('after a wildcard there are only wildcards', () => {
  for (const text of ['1.2.3', '1.2.x', '1.x.x', 'x.x.x'])
    assert.equal(formatVersion(parseVersionPattern(text)!), text);
  for (const text of ['x.2.x', '1.x.8', 'x.2.3', 'x.x.3', '1.x.0', 'X.X.X', '1.2', '*.*.*'])
    assert.equal(parseVersionPattern(text), undefined, text);
});

test('wildcards mean the numerically highest version, with its highest build', () => {
  const existing = builds('1.2.3/1', '1.10.0/1', '1.9.9/3', '1.9.9/12', '1.9.9/9', '2.0.0/1');
  for (const [pattern, expected] of [
    ['x.x.x', '2.0.0/1'],
    ['1.x.x', '1.10.0/1'],
    ['1.9.x', '1.9.9/12'],
    ['1.2.3', '1.2.3/1'],
    ['3.x.x', undefined],
  ] as const) {
    const found = highestMatch(parseVersionPattern(pattern)!, existing);
    assert.equal(found && `${formatVersion(found)}/${found.build}`, expected, pattern);
  }
});

test('versions are sorted numerically', () => {
  const sorted = builds('10.0.0/1', '9.0.0/1', '9.0.0/10', '9.0.0/9', '9.1.0/1').sort(compareVersions);
  assert.deepEqual(
    sorted.map((each) => `${formatVersion(each)}/${each.build}`),
    ['9.0.0/1', '9.0.0/9', '9.0.0/10', '9.1.0/1', '10.0.0/1'],
  );
});

test('versions are incremented', () => {
  const existing = ['1.0.0', '1.0.9', '1.0.10', '1.2.0', '3.0.0'].map(version);
  for (const [increment, expected] of [
    ['1.0.x', '1.0.11'],
    ['1.2.x', '1.2.1'],
    ['1.1.x', '1.1.0'],
    ['1.x.0', '1.3.0'],
    ['1.x.x', '1.3.0'],
    ['2.x.0', '2.0.0'],
    ['x.x.x', '4.0.0'],
    ['x.0.0', '4.0.0'],
  ] as const) {
    assert.equal(formatVersion(nextVersion(parseIncrement(increment)!, existing)!), expected, increment);
  }
  assert.equal(formatVersion(nextVersion(parseIncrement('1.0.x')!, [])!), '1.0.0');
  assert.equal(formatVersion(nextVersion(parseIncrement('x.x.x')!, [])!), '1.0.0');
  assert.equal(nextVersion(parseIncrement('1.0.x')!, [version('1.0.1073741823')]), undefined);
  for (const text of ['1.0.0', '1.x.8', 'x.2.x', 'x.0.1', '1.0']) assert.equal(parseIncrement(text), undefined, text);
});
