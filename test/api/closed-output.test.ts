/** Commands whose output is no longer read, as real processes in a shell's pipe. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openImageLog } from '../../src/catalog/image-log.ts';
import { run } from '../harness/processes.ts';
import { ingot, MAIN, startServer, type TestServer } from '../harness/service.ts';

const IMAGE = 'arn:aws:imagebuilder:us-east-1:123456789012:image/web/1.0.0/1';

let dataDirectory: string;
let server: TestServer;

before(async () => {
  dataDirectory = join(mkdtempSync(join(tmpdir(), 'ingot-test-')), 'data');
  server = await startServer(dataDirectory);
  // The log of an image that was deleted: it stays readable. Longer than a pipe holds.
  const log = openImageLog(dataDirectory, IMAGE);
  for (let line = 1; line <= 5000; line++) log.report({ type: 'output', stream: 'stdout', text: `line ${line}` });
  log.close();
});

after(async () => {
  await server.stop();
  await rm(join(dataDirectory, '..'), { recursive: true, force: true });
});

/** Runs a command in a pipe whose reader takes so many lines and goes. */
async function piped(
  args: readonly string[],
  reader: string,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const script = `"$0" "$@" | ${reader}; echo "code \${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await run(['bash', '-c', script, process.execPath, MAIN, ...args], { okCodes: 'any' });
  const [, before, code] = /^([^]*)code (\d+)\n$/.exec(stdout)!;
  return { code: Number(code), stdout: before!, stderr };
}

for (const [name, args, reader, lines] of [
  ['logs --json', ['logs', '--json', IMAGE], 'head -2', 2],
  ['logs', ['logs', IMAGE], 'head -1', 1],
  ['logs --follow', ['logs', '--follow', IMAGE], 'head -3', 3],
  ['env to nobody', ['env'], '(exec <&-; sleep 1)', 0],
  ['help to nobody', ['help'], '(exec <&-; sleep 1)', 0],
] as const)
  test(`${name}: ends quietly when its reader goes`, async () => {
    const data = args[0] === 'help' ? [] : ['--data', dataDirectory];
    const { code, stdout, stderr } = await piped([...args, ...data], reader);
    assert.equal(stderr, '');
    assert.equal(stdout.split('\n').length - 1, lines);
    // As that of a program that SIGPIPE ended.
    assert.equal(code, 141);
  });

test('a reader that takes all of it changes nothing', async () => {
  const { code, stdout, stderr } = await piped(['logs', IMAGE, '--data', dataDirectory], 'tail -1');
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.match(stdout, /line 5000\n$/);
});

test('the server goes on', async () => {
  const { code } = await ingot(dataDirectory, ['env']);
  assert.equal(code, 0);
});
