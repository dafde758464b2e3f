import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import { parseComponentDocument } from '../documents/component/parse.ts';
import { parseArn } from '../resources/arns.ts';
import { findManagedComponent, isOtherVersion, loadManaged } from './managed.ts';

const root = mkdtempSync(join(tmpdir(), 'ingot-managed-'));
after(() => rmSync(root, { recursive: true, force: true }));
let next = 0;

const DOCUMENT =
  'schemaVersion: 1.0\nphases:\n  - name: test\n    steps:\n      - name: A\n        action: ExecuteBash\n        ' +
  'inputs:\n          commands: [echo]\n';

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = join(root, `${next++}`);
  for (const kind of ['components', 'workflows']) mkdirSync(join(folder, kind), { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
  return folder;
}

test('the documents that come with Ingot are valid', () => {
  const managed = loadManaged([]);
  assert.deepEqual(
    managed.components.filter(({ type }) => type === 'TEST').map(({ name }) => name),
    [
      'apt-repository-test-linux',
      'chrony-time-configuration-test',
      'reboot-test-linux',
      'simple-boot-test-linux',
      'yum-repository-test-linux',
    ],
  );
  const index = parse(readFileSync(new URL('../../managed/components/index.yaml', import.meta.url), 'utf8')) as {
    readonly components: readonly { readonly name: string; readonly type: string }[];
  };
  assert.deepEqual(
    managed.components.map(({ name, type }) => `${name} ${type}`),
    index.components.map(({ name, type }) => `${name} ${type}`).sort(),
  );
  for (const { name, data, platform } of managed.components) {
    const { faults } = parseComponentDocument(data, { platform });
    assert.deepEqual(faults, [], `${name} has not so much as a warning`);
    assert.doesNotMatch(data, /@[A-Z]+@/, `${name} is filled in`);
  }
  for (const [name, level] of [
    ['stig-build-linux', 'High'],
    ['stig-build-linux-low', 'Low'],
    ['stig-build-linux-medium', 'Medium'],
    ['stig-build-linux-high', 'High'],
  ] as const) {
    const parameters = managed.components.find((each) => each.name === name)!.parameters;
    assert.deepEqual(parameters.find((each) => each.name === 'Level')?.defaultValue, [level]);
  }
  assert.deepEqual(
    managed.workflows.map(({ name, type }) => `${name} ${type}`),
    [
      'build-container BUILD',
      'build-image BUILD',
      'distribute-container DISTRIBUTION',
      'distribute-image DISTRIBUTION',
      'test-container TEST',
      'test-image TEST',
    ],
  );
});

test('versions of a managed component are resolved', () => {
  const entry = (version: string): string => `  - {name: c, version: ${version}, file: c.yaml, platform: Linux}\n`;
  const managed = loadManaged(
    [],
    folderOf({
      'components/index.yaml': `components:\n${entry('1.9.0')}${entry('1.10.0')}`,
      'components/c.yaml': DOCUMENT,
    }),
  );
  for (const [version, expected] of [
    ['x.x.x', '1.10.0'],
    ['1.9.x', '1.9.0'],
    ['1.9.0/1', '1.9.0'],
    ['1.9.0/2', '1.9.0'],
    // AWS's versions differ from Ingot's: a pinned one resolves to the one that Ingot has.
    ['1.8.3', '1.10.0'],
    ['2.0.1/4', '1.10.0'],
    ['2.x.x', '1.10.0'],
  ] as const) {
    assert.equal(
      findManagedComponent(managed, parseArn(`arn:aws:imagebuilder:us-east-1:aws:component/c/${version}`)!)?.version,
      expected,
      version,
    );
  }
});

test('a version other than the available one is recognized', () => {
  const arn = (version: string): string => `arn:aws:imagebuilder:us-east-1:aws:component/c/${version}`;
  for (const [asked, other] of [
    ['x.x.x', false],
    ['1.x.x', false],
    ['1.0.0', false],
    ['1.0.0/1', false],
    ['1.0.0/2', true],
    ['1.0.2', true],
    ['2.x.x', true],
  ] as const)
    assert.equal(isOtherVersion(arn(asked), arn('1.0.0/1')), other, asked);
  const own = arn('1.0.2').replace(':aws:component', ':123456789012:component');
  assert.equal(isOtherVersion(own, arn('1.0.0/1')), false);
});

test('faults name their position', () => {
  for (const [files, message] of [
    [{ 'components/index.yaml': 'workflows: []' }, /index\.yaml: expected a list 'components'/],
    [{ 'components/index.yaml': 'components: [{name: c, version: 1.0.0}]' }, /an entry \(c\) has no file/],
    [{ 'components/index.yaml': 'components: [{name: c, version: 1.0.0, file: c.yaml}]' }, /ENOENT.*c\.yaml/],
    [
      {
        'components/index.yaml': 'components: [{name: c, version: 1.x.x, file: c.yaml}]',
        'components/c.yaml': DOCUMENT,
      },
      /'1\.x\.x' is not a valid version/,
    ],
    [
      { 'components/index.yaml': 'components: [{name: c, version: 1.0.0, file: c.yaml}]', 'components/c.yaml': 'a: b' },
      /managed component c: 1:1 /,
    ],
    [
      {
        'workflows/index.yaml': 'workflows: [{name: w, version: 1.0.0, file: w.yaml, type: OTHER}]',
        'workflows/w.yaml': '',
      },
      /managed workflow w: its type is OTHER/,
    ],
  ] as const)
    assert.throws(() => loadManaged([], folderOf(files)), message);
});
