/**
 * `npm run fuzz`: documents made by chance, validated and run, until a count or a time is over.
 *
 *     npm run fuzz -- --seconds 60          # default
 *     npm run fuzz -- --count 10000
 *     npm run fuzz -- --seed 42 --round 7   # one round once more
 *
 * Exit code 1 with seed, round and text at the first document for which a parser throws or takes longer than 10 s, or a
 * step fails by a fault that the validator should have told.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { fuzzRound } from './harness/fuzzing.ts';

const HANG_MS = 10_000;

interface Task {
  readonly seed: number;
  readonly first: number;
  readonly count: number;
  readonly seconds: number;
}

/** What the rounds' thread says: that a round begins, that all are over, that one failed. */
type Said =
  | { readonly type: 'round'; readonly round: number; readonly text: string }
  | { readonly type: 'end'; readonly rounds: number; readonly ran: number }
  | { readonly type: 'failed'; readonly message: string };

if (isMainThread) main();
else await rounds(workerData as Task, (said) => parentPort?.postMessage(said));

async function rounds(task: Task, say: (said: Said) => void): Promise<void> {
  const end = performance.now() + task.seconds * 1000;
  let ran = 0;
  let round = task.first;
  for (; round < task.first + task.count && performance.now() < end; round += 1) {
    try {
      if (await fuzzRound(task.seed, round, (text) => say({ type: 'round', round, text }))) ran += 1;
    } catch (error) {
      say({ type: 'failed', message: (error as Error).message });
      return;
    }
  }
  say({ type: 'end', rounds: round - task.first, ran });
}

function main(): void {
  const { values } = parseArgs({
    options: {
      count: { type: 'string' },
      seconds: { type: 'string' },
      seed: { type: 'string' },
      round: { type: 'string' },
    },
  });
  const seed = Number(values.seed ?? randomInt(2 ** 31));
  const task: Task = {
    seed,
    first: Number(values.round ?? 0),
    count: values.round === undefined ? Number(values.count ?? Infinity) : 1,
    seconds: Number(values.seconds ?? (values.count === undefined ? 60 : Infinity)),
  };
  process.stdout.write(`seed ${seed}\n`);
  const worker = new Worker(new URL(import.meta.url), { workerData: task });
  let last: Extract<Said, { type: 'round' }> | undefined;
  let since = performance.now();
  const watch = setInterval(() => {
    if (performance.now() - since > HANG_MS)
      finish(`seed ${seed}, round ${last?.round}: no end within ${HANG_MS / 1000} s\n${JSON.stringify(last?.text)}`);
  }, 500);
  worker.on('error', (error) => finish(String(error)));
  worker.on('message', (said: Said) => {
    since = performance.now();
    if (said.type === 'round') last = said;
    if (said.type === 'failed') finish(said.message);
    if (said.type === 'end') finish(undefined, `${said.rounds} documents, ${said.ran} of them run: nothing found`);
  });

  function finish(failure: string | undefined, success = ''): void {
    clearInterval(watch);
    process.stdout.write(`${failure ?? success}\n`);
    process.exitCode = failure === undefined ? 0 : 1;
    void worker.terminate();
  }
}
