/** `file:` sources on an instance: copied whole or not at all. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Instance } from '../../src/instances/instance.ts';
import { findLocalFile } from '../../src/commands/local-files/find.ts';
import type { FindSourceFile } from '../../src/runner/source-files.ts';
import { runText, type Ran } from './runner-cases.ts';

/** Declares the tests. @param folder an absolute path in the instance that they may fill */
export function fileSourceCases(instance: () => Instance, folder: () => string): void {
  describe('file: sources', () => {
    let here = '';
    const big = randomBytes(5_000_000);
    before(() => {
      here = mkdtempSync(join(tmpdir(), 'ingot-sources-'));
      writeFileSync(join(here, 'big'), big);
      writeFileSync(join(here, 'empty'), '');
      writeFileSync(join(here, 'program'), '#!/bin/sh\n');
      chmodSync(join(here, 'program'), 0o700);
      mkdirSync(join(here, 'tree/a b'), { recursive: true });
      writeFileSync(join(here, 'tree/a b/é'), 'deep');
      writeFileSync(join(here, 'tree/.hidden'), 'hidden');
      symlinkSync('a b/é', join(here, 'tree/link'));
      mkdirSync(join(here, 'tree/nothing'));
    });
    after(() => rmSync(here, { recursive: true, force: true }));

    const find: FindSourceFile = (source) => findLocalFile(source, { folder: here, root: here });
    const copy = (action: string, inputs: string, sourceFile: FindSourceFile | undefined = find): Promise<Ran> =>
      runText(
        instance(),
        `schemaVersion: 1.0\nphases: [{name: build, steps: [{name: Step, action: ${action}, inputs: ${inputs}}]}]\n`,
        { workingDirectory: folder(), sourceFile },
      );
    const failure = async (...args: Parameters<typeof copy>): Promise<string> =>
      (await copy(...args)).outcome.failure?.message ?? 'it did not fail';
    const printed = async (script: string): Promise<string> => {
      const chunks: Buffer[] = [];
      const ended = await instance().run({ script, cwd: folder(), onOutput: (_, chunk) => void chunks.push(chunk) });
      assert.equal(ended.exitCode, 0, Buffer.concat(chunks).toString());
      return Buffer.concat(chunks).toString().trim();
    };

    test('files arrive byte for byte, and a program stays one', async () => {
      const { outcome } = await copy(
        'S3Download',
        '[{source: file:big, destination: big}, {source: file:empty, destination: empty}, ' +
          '{source: file:./program, destination: program}]',
      );
      assert.equal(outcome.failure, undefined);
      const sum = createHash('sha256').update(big).digest('hex');
      assert.equal(
        await printed('sha256sum < big; stat -c "%a %U" big program; stat -c %s empty; ls -A'),
        `${sum}  -\n644 root\n755 root\n0\nbig\nempty\nprogram`,
      );
    });

    test('a folder arrives with all that is in it, and folders that are there keep their mode', async () => {
      await printed("mkdir -m 700 to; mkdir -m 750 'to/a b'; echo old > to/link");
      assert.equal((await copy('S3Download', "[{source: 'file:tree/*', destination: to}]")).outcome.failure, undefined);
      assert.equal(
        await printed(
          "cat to/.hidden 'to/a b/é' to/link; echo; stat -c '%a %F' to 'to/a b' to/nothing to/link; ls -A to",
        ),
        'hiddendeepdeep\n700 directory\n750 directory\n755 directory\n777 symbolic link\n.hidden\na b\nlink\nnothing',
      );
      const kept = "[{source: 'file:tree/*', destination: to, overwrite: false}]";
      assert.match(await failure('S3Download', kept), /File exists/);
      assert.match(await failure('S3Download', "[{source: 'file:tree/*', destination: no}]"), /no does not exist/);
    });

    test('WebDownload makes folders, takes the name, and compares a checksum', async () => {
      const sha1 = createHash('sha1').update('').digest('hex');
      const ran = await copy(
        'WebDownload',
        `[{source: file:empty, destination: new/deep/, algorithm: SHA1, checksum: ${sha1}}]`,
      );
      assert.equal(ran.outcome.failure, undefined);
      assert.equal(ran.outcome.phases[0]!.steps[0]!.outputs['destination'], `${folder()}/new/deep/empty`);
      const other = `[{source: file:program, destination: new/p, algorithm: SHA1, checksum: ${sha1}}]`;
      assert.match(await failure('WebDownload', other), /file:program has another checksum/);
      assert.equal(await printed('ls new'), 'deep');
    });

    test('what cannot be copied leaves nothing', async () => {
      assert.match(await failure('S3Download', '[{source: file:big, destination: gone/big}]'), /does not exist/);
      assert.match(await failure('S3Download', '[{source: file:big, destination: new/}]'), /name of the file/);
      const changed: FindSourceFile = async (source) =>
        ({ ...((await find(source)) as object), sha256: 'a'.repeat(64) }) as never;
      assert.match(
        await failure('S3Download', '[{source: file:big, destination: other}]', changed),
        /the file changed while it was copied/,
      );
      const ends: FindSourceFile = async (source) => ({
        ...((await find(source)) as Exclude<Awaited<ReturnType<FindSourceFile>>, string>),
        async *read() {
          yield big.subarray(0, 4_000_000);
          throw new Error('the disk is gone');
        },
      });
      assert.match(await failure('S3Download', '[{source: file:big, destination: other}]', ends), /the disk is gone/);
      assert.match(
        await failure('S3Download', '[{source: file:big, destination: other}]', async () => 'not here'),
        /not here/,
      );
      assert.equal(await printed('ls -A | grep -e other -e ingot || true'), '');
    });
  });
}
