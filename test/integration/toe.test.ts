/** `ingot toe` as a user runs it: on this host, and in a fresh container. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { until } from '../../src/platform/clock.ts';
import { run, start } from '../harness/processes.ts';
import { sharedBase } from '../harness/base.ts';
import { assertNothingLeft, hostState } from '../harness/host-state.ts';

const MAIN = fileURLToPath(new URL('../../src/commands/main.ts', import.meta.url));
// Not /tmp, which a restart empties.
const folder = mkdtempSync('/var/tmp/ingot-toe-');
const document = join(folder, 'document.yaml');

before(() =>
  writeFileSync(
    document,
    `
schemaVersion: 1.0
parameters:
  - Who: {type: string, default: world}
phases:
  - name: build
    steps:
      - name: Once
        action: ExecuteBash
        inputs: {commands: ['mkdir -p ${folder}; echo x >> ${folder}/once; wc -l < ${folder}/once']}
      - name: Again
        action: ExecuteBash
        inputs: {commands: ['[ -e ${folder}/marked ] || { touch ${folder}/marked; exit 194; }']}
      - {name: Restart, action: Reboot}
      - name: Greet
        action: ExecuteBash
        inputs: {commands: ['echo "hello {{ Who }} {{ build.Once.outputs.stdout }}"']}
  - name: validate
    steps:
      - {name: Fails, action: ExecuteBash, inputs: {commands: ['echo why >&2; exit 3']}}
`,
  ),
);
after(() => rmSync(folder, { recursive: true }));

async function toe(...argv: readonly string[]): ReturnType<typeof run> {
  return run([process.execPath, MAIN, 'toe', ...argv], {
    cwd: folder,
    okCodes: 'any',
    env: { INGOT_DATA: join(folder, 'no-data') },
  });
}

describe('on this host', () => {
  test('a run waits for restarts and goes on where it was', async () => {
    const state = join(folder, 'TOE_STATE_one.json');
    const again = (): Promise<Awaited<ReturnType<typeof run>>> =>
      toe('run', '--documents', document, '--phases', 'build', '--parameters', 'Who=all', '-i', 'one');
    const restarted = (): void =>
      writeFileSync(
        state,
        JSON.stringify({ ...(JSON.parse(readFileSync(state, 'utf8')) as object), bootId: 'of another time' }),
      );
    assert.equal((await again()).code, 194);
    const early = await again();
    assert.deepEqual([early.code, /waits for a restart of this host/.test(early.stderr)], [1, true]);
    restarted();
    assert.equal((await again()).code, 194);
    restarted();
    const last = await again();
    assert.equal(last.code, 0, last.stderr);
    assert.equal((JSON.parse(last.stdout) as { executedStepCount: number }).executedStepCount, 4);
    assert.match(last.stderr, /\| hello all 1\n/);
    assert.ok(!readdirSync(folder).includes('no-data'), 'no data directory is made');
  });

  test('a failure is in the summary and the log folder', async () => {
    const { code, stdout } = await toe(
      'run',
      document,
      '--phases',
      'validate',
      '-l',
      join(folder, 'logs'),
      '-i',
      'two',
    );
    assert.equal(code, 1);
    assert.equal((JSON.parse(stdout) as { status: string }).status, 'failed');
    const [name] = readdirSync(join(folder, 'logs'));
    const read = (file: string): string => readFileSync(join(folder, 'logs', name!, file), 'utf8');
    assert.deepEqual(readdirSync(join(folder, 'logs', name!)).sort(), [
      'application.log',
      'chaining.json',
      'console.log',
      'detailedoutput.json',
      'document.yaml',
    ]);
    assert.match(read('console.log'), /! why\n[^]*ErrorMessage: exit status 3\n {4}Stderr: why\n$/);
    assert.equal((JSON.parse(read('detailedoutput.json')) as { status: string }).status, 'failed');
  });

  test('what is not valid does not run, and each fault has its place', async () => {
    writeFileSync(
      join(folder, 'bad.yaml'),
      'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - {name: A, action: ExecuteBahs, inputs: ' +
        '{commands: [x]}}\n',
    );
    const verdict = await toe('validate', 'bad.yaml');
    assert.equal(verdict.code, 1);
    assert.match(verdict.stderr, /^bad\.yaml:5:27: error unknown-action: .*ExecuteBash/);
    assert.equal((JSON.parse(verdict.stdout) as { validationStatus: string }).validationStatus, 'failed');
    assert.equal((await toe('run', 'bad.yaml')).code, 2);
    assert.deepEqual(JSON.parse((await toe('validate', document)).stdout), {
      validationStatus: 'success',
      message: 'Validation successful.',
    });
  });
});

test('in a fresh container, which restarts by itself and is thrown away', async () => {
  const base = await sharedBase();
  const state = await hostState();
  const { code, stdout, stderr } = await toe(
    'test',
    document,
    '--on',
    'nspawn',
    '--image',
    base,
    '--junit',
    join(folder, 'junit.xml'),
  );
  assert.equal(code, 1, stderr);
  assert.match(stdout, /ok +build +Restart +Reboot/);
  assert.match(stdout, /FAILED +validate +Fails +ExecuteBash +\S+ s +exit status 3/);
  assert.match(readFileSync(join(folder, 'junit.xml'), 'utf8'), /tests="4" failures="0"/);
  await assertNothingLeft(state, folder);
});

test('an id that a container does not have is told, as a build would act on it', async () => {
  const base = await sharedBase();
  const state = await hostState();
  const ids = join(folder, 'ids.yaml');
  const commands = '[ID=$((16777216 + 5)), "useradd -m -u $ID -U big"]';
  const step = `{name: Add, action: ExecuteBash, inputs: {commands: ${commands}}}`;
  writeFileSync(ids, `schemaVersion: 1.0\nphases: [{name: build, steps: [${step}]}]\n`);
  const { code, stdout, stderr } = await toe('test', ids, '--image', base);
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /ok +build +Add[^]*\nAfter it the account big of \/etc\/passwd has the id 16777221, .* A build runs it once more in a/,
  );
  await assertNothingLeft(state, folder);
});

test('--watch runs it again when the file changes, valid or not, and Ctrl-C ends it', async () => {
  const base = await sharedBase();
  const state = await hostState();
  const watched = join(folder, 'watched.yaml');
  const say = (word: string): void =>
    writeFileSync(
      watched,
      'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - {name: Say, action: ExecuteBash, inputs: ' +
        `{commands: ['echo ${word}']}}\n`,
    );
  say('first');
  const child = await start([process.execPath, MAIN, 'toe', 'test', watched, '--watch', '--image', base], {
    cwd: folder,
    env: { INGOT_DATA: join(folder, 'no-data') },
  });
  let shown = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk: Buffer) => {
      shown += chunk.toString();
    });
  const waiting = (times: number): Promise<true> =>
    until(`${times} runs to end`, 60_000, async () =>
      shown.split('to change (press Ctrl-C to stop)').length > times ? true : undefined,
    );
  try {
    await waiting(1);
    assert.match(shown, /\| first\n/);
    writeFileSync(watched, 'nothing');
    await waiting(2);
    assert.match(shown, /watched\.yaml:1:1: error/);
    say('second');
    await waiting(3);
    assert.match(shown, /\| second\n/);
  } finally {
    child.kill('SIGINT');
  }
  assert.equal((await child.exited).code, 130, shown);
  await assertNothingLeft(state, folder);
});

test('--keep opens a shell in the instance as the document left it', async () => {
  const base = await sharedBase();
  const state = await hostState();
  const kept = join(folder, 'kept.yaml');
  writeFileSync(
    kept,
    'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - {name: Leave, action: ExecuteBash, inputs: ' +
      "{commands: ['echo was here >/root/left; exit 3']}}\n",
  );
  // `script` gives the terminal that a shell needs.
  const command = [process.execPath, MAIN, 'toe', 'test', kept, '--keep', '--image', base]
    .map((word) => `'${word}'`)
    .join(' ');
  const child = await start(['script', '-qec', command, '/dev/null'], {
    cwd: folder,
    env: { INGOT_DATA: join(folder, 'no-data'), TERM: 'dumb' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let shown = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
  });
  await until('a prompt', 60_000, async () => (/[#$] $/.test(shown) ? true : undefined));
  child.stdin!.write('cat /root/left; echo is a $(tty | cut -c1-8) $((6*7))\n');
  await until('the answer', 60_000, async () => (shown.includes('is a /dev/pts 42') ? true : undefined));
  child.stdin!.write('exit\n');
  assert.equal((await child.exited).code, 1, 'the document failed');
  assert.match(shown, /FAILED +build +Leave[^]*was here/);
  await assertNothingLeft(state, folder);
  const { code, stderr } = await toe('test', kept, '--keep', '--image', base);
  assert.deepEqual([code, /--keep opens a shell, which needs a terminal on stdin/.test(stderr)], [2, true]);
});
