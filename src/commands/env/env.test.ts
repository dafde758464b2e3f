import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCliVersion } from '../../doctor/aws-cli-version.ts';
import { withSection } from './ini.ts';

test('a section is added or replaced, and the rest is unchanged', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['', '[profile ingot]\na = 1\n'],
    ['[default]\nregion = eu-west-1\n', '[default]\nregion = eu-west-1\n\n[profile ingot]\na = 1\n'],
    ['[default]\nx = 1', '[default]\nx = 1\n\n[profile ingot]\na = 1\n'],
    ['[profile ingot]\na = 0\nb =\n  c = 2\n', '[profile ingot]\na = 1\n'],
    [
      '# top\n[ profile  ingot ] # mine\na = 0\n\n[default]\nx = 1\n',
      '# top\n[profile ingot]\na = 1\n\n[default]\nx = 1\n',
    ],
  ];
  for (const [text, expected] of rows) {
    const written = withSection(text, 'profile ingot', 'a = 1');
    assert.equal(written, expected);
    assert.equal(withSection(written, 'profile ingot', 'a = 1'), written, 'written again');
  }
});

test('AWS CLI versions that support endpoint variables', () => {
  for (const [output, version, knows] of [
    ['aws-cli/1.28.9 Python/3.11.8 Linux/6.1', '1.28.9', false],
    ['aws-cli/1.29.0 Python/3.11.8', '1.29.0', true],
    ['aws-cli/2.12.7 Python/3.11.8', '2.12.7', false],
    ['aws-cli/2.13.0 Python/3.11.8', '2.13.0', true],
    ['aws-cli/3.0.0 Python/3.20.0', '3.0.0', true],
  ] as const)
    assert.deepEqual(readCliVersion(output), { version, knowsEndpoints: knows });
  assert.equal(readCliVersion('command not found'), undefined);
});
