import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { run } from '../platform/processes.ts';
import { endMarker, endOf, MarkedOutput, markedCommand } from './streams.ts';

const ID = '0123456789abcdef';
const MARKER = endMarker(ID);

async function read(chunks: readonly string[]): Promise<{ text: string; code: number }> {
  const output = new MarkedOutput(MARKER);
  const code = endOf(output, new Promise<never>(() => {}));
  for (const chunk of chunks) output.write(Buffer.from(chunk, 'latin1'));
  const text = Buffer.concat((await output.toArray()) as Buffer[]).toString('latin1');
  return { text, code: await code };
}

describe('an output ends at its marker, which contains the exit code', () => {
  for (const [name, chunks, text] of [
    ['alone', [`${MARKER}007`], ''],
    ['after text', [`hello${MARKER}007`], 'hello'],
    ['in pieces', ['hello', MARKER.slice(0, 3), MARKER.slice(3), '0', '07'], 'hello'],
    ['byte by byte', [...`hello${MARKER}007`], 'hello'],
    [
      'after what looks like it',
      [`hello${MARKER.slice(0, 9)}`, `\0ingot-end-${'f'.repeat(16)}:007`, `${MARKER}007`],
      `hello${MARKER.slice(0, 9)}\0ingot-end-${'f'.repeat(16)}:007`,
    ],
    ['before what others still print', [`hello${MARKER}007more`, 'and more'], 'hello'],
  ] as const)
    test(name, async () => assert.deepEqual(await read(chunks), { text, code: 7 }));
});

test('text that cannot be a marker is passed on at once', () => {
  const output = new MarkedOutput(MARKER);
  output.write(Buffer.from('root@debian:~# '));
  assert.equal(String(output.read()), 'root@debian:~# ');
});

test('without a marker it ends with the reason', async () => {
  const output = new MarkedOutput(MARKER);
  const code = endOf(output, Promise.resolve(new Error('it is gone')));
  output.write(Buffer.from('half'));
  await assert.rejects(code, /it is gone/);
  assert.equal(Buffer.concat((await output.toArray()) as Buffer[]).toString(), 'half');
});

describe('the wrapper runs a command and reports how it ended', () => {
  for (const [name, argv, code, out] of [
    ['an exit code', ['sh', '-c', 'echo "$1"; exit 7', 'sh', 'a  b $x'], 7, 'a  b $x\n'],
    ['a signal', ['sh', '-c', 'kill -9 $$'], 137, ''],
    ['no such program', ['/no/such/program'], 127, ''],
  ] as const) {
    test(name, async () => {
      const { stdout } = await run(markedCommand(argv, { id: ID, files: '/tmp/ingot-streams-test', cwd: '/' }), {
        okCodes: 'any',
      });
      assert.equal(stdout, `${out}${MARKER}${String(code).padStart(3, '0')}`);
    });
  }
});
