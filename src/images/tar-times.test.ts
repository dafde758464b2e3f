import { deepEqual, equal } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { cutTimes } from './tar-times.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-tar-'));
after(() => rmSync(folder, { recursive: true }));
const EPOCH = 1_700_000_000;

writeFileSync(join(folder, 'old'), 'old '.repeat(500));
writeFileSync(join(folder, 'new'), 'new '.repeat(5000));
writeFileSync(join(folder, 'l'.repeat(120)), 'long');
utimesSync(join(folder, 'old'), EPOCH - 100, EPOCH - 100);
for (const name of ['new', 'l'.repeat(120)]) utimesSync(join(folder, name), EPOCH + 5.25, EPOCH + 5.25);

const names = ['old', 'new', 'l'.repeat(120)];
const tar = (format: string): Buffer =>
  execFileSync('tar', ['-cf', '-', `--format=${format}`, ...names], { cwd: folder });
const listed = (archive: Buffer): string[] =>
  execFileSync('tar', ['-tvf', '-', '--full-time', '--utc'], { input: archive })
    .toString()
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/).slice(3).join(' '));

for (const format of ['gnu', 'pax'])
  for (const step of [1 << 20, 700, 1])
    test(`times of a ${format} archive that comes in pieces of ${step} bytes are cut, and nothing else`, async () => {
      const archive = tar(format);
      const pieces = Array.from({ length: Math.ceil(archive.length / step) }, (_, at) =>
        archive.subarray(at * step, (at + 1) * step),
      );
      const cut = await buffer(Readable.from(pieces).pipe(cutTimes(EPOCH)));
      equal(cut.length, archive.length);
      const time = new Date(EPOCH * 1000).toISOString().replace('T', ' ').slice(0, 19);
      const [old, ...others] = listed(cut);
      equal(old, listed(archive)[0]);
      deepEqual(
        others.map((line) => line.replace(/\.0+ /, ' ')),
        names.slice(1).map((name) => `${time} ${name}`),
      );
      // Cut again it is the same: the times of two builds meet.
      deepEqual(await buffer(Readable.from([cut]).pipe(cutTimes(EPOCH))), cut);
      // Earlier than all of them: only what is later changes.
      deepEqual(await buffer(Readable.from([archive]).pipe(cutTimes(4_000_000_000))), archive);
    });

test('what is not an archive passes as it is', async () => {
  const text = Buffer.from('no archive '.repeat(1000));
  deepEqual(await buffer(Readable.from([text]).pipe(cutTimes(0))), text);
});
