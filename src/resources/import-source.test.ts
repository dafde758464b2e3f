import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sourceFault, sourceName } from './import-source.ts';

const SUM = 'a'.repeat(64);

test('the forms of a source', () => {
  for (const [source, sha256, fault] of [
    ['/var/tmp/disk.vmdk', undefined, undefined],
    ['https://example.com/disk.qcow2', undefined, undefined],
    ['s3://images/golden/disk.vhd', undefined, undefined],
    ['http://example.com/disk.qcow2', SUM, undefined],
    ['http://example.com/disk.qcow2', undefined, /over http.*give its sha256/],
    ['s3://images', undefined, /s3:\/\/BUCKET\/KEY/],
    ['s3://UPPER/key', undefined, /s3:\/\/BUCKET\/KEY/],
    ['ftp://example.com/disk', SUM, /absolute path, an http or https address/],
    ['file:///etc/shadow', SUM, /absolute path/],
    ['disk.qcow2', undefined, /absolute path/],
    ['json:{"driver":"nbd"}', undefined, /absolute path/],
  ] as const) {
    if (fault === undefined) assert.equal(sourceFault(source, sha256), undefined, source);
    else assert.match(sourceFault(source, sha256) ?? '', fault, source);
  }
});

test('secrets are not shown', () => {
  assert.equal(
    sourceName('https://me:secret@example.com/d.qcow2?X-Amz-Signature=secret'),
    'https://example.com/d.qcow2',
  );
  assert.equal(sourceName('/a/d.qcow2?no'), '/a/d.qcow2?no');
});
