/** Packing and unpacking, and attempts of an untrusted archive. */
import assert from 'node:assert/strict';
import { createReadStream, existsSync } from 'node:fs';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { pack, type Headers } from 'tar-stream';
import { run } from '../../platform/processes.ts';
import { CommandFailed } from '../command.ts';
import { packed } from './pack.ts';
import { unpack } from './unpack.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-archive-'));
});
after(() => rm(folder, { recursive: true }));

const PLAIN = { archive: false, owner: undefined, skipped: () => assert.fail('nothing is to be passed over') };

/**
 * An archive of entries as an attacker might write them; the content is the name. It arrives in pieces, as from a
 * network.
 */
function archiveOf(entries: readonly Headers[]): Readable {
  const archive = pack();
  for (const entry of entries)
    archive.entry(entry, entry.type === undefined || entry.type === 'file' ? entry.name : undefined);
  archive.finalize();
  return Readable.from(
    (async function* pieces() {
      for await (const chunk of archive)
        for (let at = 0; at < (chunk as Buffer).length; at += 16_384) yield (chunk as Buffer).subarray(at, at + 16_384);
    })(),
  );
}

test('a packed tree is unpacked unchanged', async () => {
  const tree = join(folder, 'tree');
  await mkdir(join(tree, 'empty'), { recursive: true });
  await writeFile(join(tree, `${'long name '.repeat(20)}ü`), 'content');
  await chmod(join(tree, `${'long name '.repeat(20)}ü`), 0o4640);
  await symlink('/etc/passwd', join(tree, 'link'));
  await utimes(join(tree, 'empty'), 1_500_000_000, 1_500_000_000);
  // Both ends use tar, as in an instance.
  await mkdir(join(folder, 'inside'));
  await run(['tar', '-xpf', '-', '-C', join(folder, 'inside')], { input: Readable.from(packed(tree, PLAIN)) });
  assert.deepEqual((await readdir(join(folder, 'inside'))).sort(), ['end', 'it']);
  await run(['tar', '-cf', join(folder, 'out.tar'), '-C', join(folder, 'inside', 'it'), '.']);
  await unpack(createReadStream(join(folder, 'out.tar')), join(folder, 'copy'), PLAIN);
  assert.deepEqual((await readdir(join(folder, 'copy'))).sort(), ['empty', 'link', `${'long name '.repeat(20)}ü`]);
  assert.equal(await readlink(join(folder, 'copy', 'link')), '/etc/passwd');
  assert.equal((await lstat(join(folder, 'copy', `${'long name '.repeat(20)}ü`))).mode & 0o7777, 0o640);
  assert.equal((await lstat(join(folder, 'copy', 'empty'))).mtimeMs, 1_500_000_000_000);
});

describe('an untrusted archive', () => {
  for (const [name, entries, message] of [
    ['a path upwards', [{ name: '../evil' }], /escapes the destination/],
    [
      'a path upwards within',
      [{ name: './', type: 'directory' }, { name: './a/../../evil' }],
      /escapes the destination/,
    ],
    [
      'a file through a link',
      [
        { name: './', type: 'directory' },
        { name: './away', type: 'symlink', linkname: '/tmp' },
        { name: './away/evil' },
      ],
      /its parent folder is not in the archive/,
    ],
    [
      'a file over a link',
      [
        { name: './', type: 'directory' },
        { name: './away', type: 'symlink', linkname: '/tmp/evil' },
        { name: './away' },
      ],
      /"\.\/away": the archive has it twice/,
    ],
    [
      'a folder over a link',
      [
        { name: './', type: 'directory' },
        { name: './away', type: 'symlink', linkname: '/tmp' },
        { name: './away', type: 'directory' },
      ],
      /"\.\/away\/?": the archive has it twice/,
    ],
    ['a link in place of the file', [{ name: './it', type: 'symlink', linkname: '/etc' }], /its top entry is a link/],
    ['a link in place of the folder', [{ name: './', type: 'symlink', linkname: '/etc' }], /its top entry is a link/],
    ['nothing but a device', [{ name: './disk', type: 'character-device' }], /neither a file nor a folder/],
    ['a name that no file has', [{ name: './', type: 'directory' }, { name: `./${'n'.repeat(300)}` }], /ENAMETOOLONG/],
    [
      'a hole of folders',
      [
        { name: './', type: 'directory' },
        ...Array.from({ length: 300 }, (_, depth) => ({
          name: `./${'d/'.repeat(depth + 1)}`,
          type: 'directory' as const,
        })),
      ],
      /nests more than 256 folders/,
    ],
    [
      'a name that writes on the terminal',
      [{ name: './', type: 'directory' }, { name: './\u001b]0;title\u0007\nx/../../y' }],
      /^refusing to extract "[^\u001b\n]*": the path escapes the destination$/,
    ],
    [
      'a size that is no number',
      [
        { name: './', type: 'directory' },
        { name: './file', pax: { size: 'abc' } },
      ],
      /invalid size NaN/,
    ],
    [
      'a negative size',
      [
        { name: './', type: 'directory' },
        { name: './file', pax: { size: '-5' } },
      ],
      /invalid size -5/,
    ],
    [
      'a header without end',
      [
        { name: './', type: 'directory' },
        { name: './file', pax: { comment: 'x'.repeat(2 << 20) } },
      ],
      /a header has more than 1048576 bytes/,
    ],
    [
      'a hard link to what is not its own',
      [
        { name: './', type: 'directory' },
        { name: './evil', type: 'link', linkname: '/etc/shadow' },
      ],
      /a hard link to a file that is not in the archive/,
    ],
    ['a second top', [{ name: './one' }, { name: './two/three' }], /its parent folder is not in the archive/],
  ] as const) {
    test(`${name} is rejected`, async () => {
      const root = join(folder, name);
      await assert.rejects(
        unpack(archiveOf(entries as readonly Headers[]), root, { ...PLAIN, skipped: () => {} }),
        (error: Error) => {
          assert.ok(error instanceof CommandFailed, error.stack); // One line, no stack.
          assert.match(error.message, message);
          return true;
        },
      );
      assert.equal(existsSync(join(folder, 'evil')), false);
    });
  }

  test('devices are skipped; owners and set-id bits too, unless requested', async () => {
    const passed: string[] = [];
    const entries: Headers[] = [
      { name: './', type: 'directory' },
      { name: './disk', type: 'block-device', devmajor: 8, devminor: 0 },
      { name: './su', mode: 0o6755, uid: 0, gid: 0 },
      { name: './hard', type: 'link', linkname: './su' },
    ];
    await unpack(archiveOf(entries), join(folder, 'devices'), { ...PLAIN, skipped: (path) => void passed.push(path) });
    assert.deepEqual(passed, ['disk']);
    assert.equal((await lstat(join(folder, 'devices', 'su'))).mode & 0o7777, 0o755);
    assert.equal(await readFile(join(folder, 'devices', 'hard'), 'utf8'), './su');
  });

  test('a truncated archive is an error', async () => {
    const whole = Buffer.concat((await archiveOf([{ name: './file' }]).toArray()) as Buffer[]);
    await assert.rejects(
      unpack(Readable.from([whole.subarray(0, 515)]), join(folder, 'cut'), PLAIN),
      (error: Error) => error instanceof CommandFailed && /Unexpected end|closed/i.test(error.message),
    );
  });

  test('bytes that are not an archive are rejected in one line', async () => {
    await assert.rejects(
      unpack(Readable.from([Buffer.alloc(4096, 'no tar')]), join(folder, 'no archive'), PLAIN),
      (error: Error) => error instanceof CommandFailed && /is damaged: Invalid tar header/.test(error.message),
    );
  });

  test('owners that do not exist are rejected', async () => {
    const whole = Buffer.concat((await archiveOf([{ name: './file' }]).toArray()) as Buffer[]);
    whole.set([0x80, 0, 0, 1, 0, 0, 0, 0], 108); // Base 256, as GNU tar writes large numbers.
    whole.write('        ', 148);
    whole.write(
      `${whole
        .subarray(0, 512)
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );
    await assert.rejects(
      unpack(Readable.from([whole]), join(folder, 'owner'), { ...PLAIN, archive: true, owner: undefined }),
      (error: Error) => error instanceof CommandFailed && /invalid owner 4294967296:0/.test(error.message),
    );
  });
});
