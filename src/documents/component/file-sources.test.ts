import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileSourceProblem, fileSourcesOf, packedSource, readFileSource, withSources } from './file-sources.ts';
import { parseComponentDocument } from './parse.ts';

const SHA = 'ab'.repeat(32);
const step = (inputs: string, action = 'S3Download'): string => `schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: Copy
        action: ${action}
        inputs: ${inputs}
`;

describe('a file: source', () => {
  test("is a path, or a folder's content, and may name its content's digest", () => {
    assert.deepEqual(readFileSource('file:conf/a b.conf'), { path: 'conf/a b.conf', folder: false });
    assert.deepEqual(readFileSource('file:conf/*'), { path: 'conf', folder: true });
    assert.deepEqual(readFileSource('file:*'), { path: '.', folder: true });
    assert.deepEqual(readFileSource('file:/*'), { path: '/', folder: true });
    assert.equal(readFileSource('s3://bucket/file:x'), undefined);
    const packed = { sha256: SHA, executable: true };
    for (const source of ['file:a#b', 'file:conf/*', 'file:a'])
      assert.deepEqual(readFileSource(packedSource(source, packed)), { ...readFileSource(source), packed });
    assert.equal(readFileSource(`file:a#sha256=${SHA.slice(1)}`)!.packed, undefined);
  });

  test('that cannot be a file is rejected with a message', () => {
    assert.match(fileSourceProblem('S3Download', 'file:')!, /names no file/);
    assert.match(fileSourceProblem('S3Download', 'file:a*b')!, /only as the last part/);
    assert.match(fileSourceProblem('WebDownload', 'file:conf/*')!, /use S3Download/);
    assert.equal(fileSourceProblem('S3Download', 'file:conf/*'), undefined);
    assert.equal(fileSourceProblem('S3Download', 's3://a/b*c'), undefined);
  });

  test('is a fault of the document if it is computed', () => {
    for (const action of ['S3Download', 'WebDownload']) {
      const { faults } = parseComponentDocument(step("[{source: 'file:{{ loop.value }}', destination: /x}]", action));
      assert.ok(
        faults.some(({ message, severity }) => severity === 'error' && message.includes('written out')),
        JSON.stringify(faults),
      );
    }
    assert.deepEqual(parseComponentDocument(step('[{source: file:a, destination: /x}]')).faults, []);
    assert.deepEqual(parseComponentDocument(step('[{source: file:a, destination: /x}]', 'WebDownload')).faults, []);
  });
});

test('sources are found in all steps that download, and nowhere else', () => {
  const { document } = parseComponentDocument(`schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: A
        action: S3Download
        inputs:
          - {source: file:a, destination: /a}
          - {source: s3://b/b, destination: /b}
      - {name: B, action: CopyFile, inputs: [{source: file:c, destination: /c}]}
  - name: test
    steps:
      - {name: C, action: WebDownload, inputs: [{source: file:d, destination: /d}]}
`);
  assert.deepEqual(
    fileSourcesOf(document!).map(({ phase, step: { name }, source }) => [phase, name, source]),
    [
      ['build', 'A', 'file:a'],
      ['test', 'C', 'file:d'],
    ],
  );
});

test('a source is replaced in any notation, and nothing else changes', () => {
  const to = new Map([['file:a b', `file:a b#sha256=${SHA}`]]);
  const written = [
    '[{source: file:a b, destination: /x}]',
    '[{"source": "file:a b", "destination": "/x"}]',
    "[{source: 'file:a b', destination: /x}] # file:a b",
    '\n          - source: >-\n              file:a b\n            destination: /x',
    '\n          - source: &one file:a b\n            destination: /x\n          - source: *one\n' +
      '            destination: /y',
  ];
  for (const inputs of written) {
    const text = step(inputs).replaceAll('\n', inputs.includes('>-') ? '\n' : '\r\n');
    const packed = withSources(text, to);
    const { document, faults } = parseComponentDocument(packed);
    assert.deepEqual(faults, [], packed);
    assert.ok(fileSourcesOf(document!).every(({ file }) => file.packed?.sha256 === SHA));
    assert.equal(packed.replace(JSON.stringify(to.get('file:a b')), 'X').includes(SHA), false);
    assert.ok(packed.endsWith(text.slice(-20)) || inputs.includes('>-'));
  }
  const json = `{"schemaVersion": "1.0", "phases": [{"name": "build", "steps": [{"name": "A", "action": "S3Download",
    "inputs": [{"source": "file:a b", "destination": "/x"}]}]}]}`;
  assert.deepEqual(JSON.parse(withSources(json, to)), JSON.parse(json.replace('file:a b', `file:a b#sha256=${SHA}`)));
});
