/** Whether the work and the memory of a reader grow as its text does. */
import { join } from 'node:path';
import { patient } from '../../../src/platform/patience.ts';
import { endingOf, start } from '../../../src/platform/processes.ts';
import type { Said } from './measure.ts';

/** A guard against what never ends, not a measure: how long one text may take, in milliseconds. */
const NEVER_ENDS_MS = 120_000;
/** What a reader may have, in MiB: the longest text is 1 MiB. */
const HEAP_MIB = 400;

/** What came out. */
export interface Growth {
  readonly texts: number;
  /** A sentence each: a text whose work grew too fast, that never ended, or that took too much memory. */
  readonly problems: readonly string[];
}

/**
 * Has a reader read its hard texts and others made by chance, in a process of its own.
 * @param count how many by chance
 */
export async function growthOf(reader: string, seed: number, count: number): Promise<Growth> {
  const problems: string[] = [];
  let current = 'its start';
  let texts: number | undefined;
  const child = await start(
    [
      process.execPath,
      `--max-old-space-size=${HEAP_MIB}`,
      join(import.meta.dirname, 'measure.ts'),
      reader,
      String(seed),
      String(count),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const stderr: string[] = [];
  child.stderr!.on('data', (chunk: Buffer) => stderr.length < 20 && stderr.push(chunk.toString()));
  const guard = setTimeout(() => {
    problems.push(`${reader}: ${current} does not end`);
    child.kill('SIGKILL');
  }, patient(NEVER_ENDS_MS));
  let rest = '';
  // Not by readline, which takes U+2028 for the end of a line, too.
  for await (const chunk of child.stdout!.setEncoding('utf8')) {
    guard.refresh();
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop()!;
    for (const line of lines) take(JSON.parse(line) as Said);
  }
  clearTimeout(guard);
  const ended = await child.exited;
  if (texts === undefined && problems.length === 0)
    problems.push(`${reader}: ${current}: the process ${endingOf(ended)}\n${stderr.join('').slice(0, 2000)}`);
  return { texts: texts ?? 0, problems: problems.map((problem) => `${problem} (seed ${seed})`) };

  function take(said: Said): void {
    if (said.type === 'begin') current = said.name;
    else if (said.type === 'end') texts = said.texts;
    else
      problems.push(
        `${reader}: ${said.name} takes ${Math.round(said.whole)} ms of processor time, a quarter of it ` +
          `${Math.round(said.quarter)} ms`,
      );
  }
}
