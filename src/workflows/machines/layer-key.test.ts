import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseComponentDocument } from '../../documents/component/parse.ts';
import { canonicalJson, differingMembers, layerKey as keyOf, type LayerInput } from './layer-key.ts';

function layerKey(given: Omit<LayerInput, 'parsed'>): ReturnType<typeof keyOf> {
  return keyOf({ ...given, parsed: parseComponentDocument(given.document).document });
}

function documentOf(action: string, constants = ''): string {
  const inputs = action === 'ExecuteBash' ? '\n        inputs:\n          commands: [echo a]' : '';
  return (
    `schemaVersion: 1.0\n${constants}phases:\n  - name: build\n    steps:\n      - name: One\n        action: ` +
    `${action}${inputs}\n`
  );
}

const input: Omit<LayerInput, 'parsed'> = {
  parent: 'p',
  account: '123456789012',
  document: documentOf('ExecuteBash'),
  parameters: { B: '2', A: '1' },
  phases: ['build', 'validate'],
  architecture: 'x86_64',
  driver: 'nspawn',
  workingDirectory: '/tmp',
  userData: null,
  buildDate: '2026-01-01T00:00:00.000Z',
};

describe('the key of a layer', () => {
  test('does not depend on the order of members', () => {
    assert.equal(layerKey(input).key, layerKey({ ...input, parameters: { A: '1', B: '2' } }).key);
    assert.match(layerKey(input).key, /^[0-9a-f]{64}$/);
  });

  test("has no date if the document's result depends only on its inputs", () => {
    assert.equal(layerKey(input).key, layerKey({ ...input, buildDate: 'later' }).key);
  });

  test('has the date of the build if the document updates the system', () => {
    const updating = { ...input, document: documentOf('UpdateOS') };
    assert.equal(layerKey(updating).record.freshness, input.buildDate);
    assert.notEqual(layerKey(updating).key, layerKey({ ...updating, buildDate: 'later' }).key);
  });

  test('has the date of the build if the document says that it installs the newest versions', () => {
    const constants = 'constants:\n  - IngotTakesNewest:\n      type: string\n      value: "true"\n';
    assert.equal(
      layerKey({ ...input, document: documentOf('ExecuteBash', constants) }).record.freshness,
      input.buildDate,
    );
  });

  test('an update in a phase that does not run does not count', () => {
    assert.equal(layerKey({ ...input, document: documentOf('UpdateOS'), phases: ['test'] }).record.freshness, null);
  });

  const changes: readonly [change: Partial<LayerInput>, members: readonly string[]][] = [
    [{}, []],
    [{ parent: 'q' }, ['parent']],
    [{ account: '210987654321' }, ['account']],
    [{ document: documentOf('Reboot') }, ['document']],
    [{ parameters: { A: '1', B: '3', C: '4' } }, ['parameters.B', 'parameters.C']],
    [{ phases: ['build'] }, ['phases']],
    [{ architecture: 'arm64' }, ['architecture']],
    [{ driver: 'qemu' }, ['driver']],
    [{ workingDirectory: '/srv' }, ['workingDirectory']],
    [{ userData: '#!/bin/sh' }, ['userData']],
  ];
  for (const [change, members] of changes) {
    test(`differs by ${members.join(', ') || 'nothing'}`, () => {
      const before = layerKey(input);
      const after = layerKey({ ...input, ...change });
      assert.deepEqual(differingMembers(before.record, after.record), members);
      assert.equal(before.key === after.key, members.length === 0);
    });
  }

  test('user data and the document cannot be read from the record', () => {
    const { record } = layerKey({ ...input, userData: 'secret-word' });
    assert.doesNotMatch(canonicalJson(record), /secret-word|schemaVersion/);
  });
});
