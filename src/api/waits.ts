/** What waiting builds wait for. */
import { cpus, totalmem } from 'node:os';
import { instanceTypeOf, inTurn, runningTypes } from '../catalog/build-queue.ts';
import type { Queryable } from '../catalog/catalog.ts';
import { whatIsMissing, type BuildLimits } from '../resources/build-room.ts';

/** Images in line whose place is told. */
const MOST_PLACES = 1000;

/** The waiting builds in their order, and what the first of them waits for. */
export interface Line {
  readonly arns: readonly string[];
  /** Begins in lower case; `undefined` if nothing is missing. */
  readonly missing: string | undefined;
}

/** The line of waiting builds. */
export async function lineOf(db: Queryable, limits: BuildLimits): Promise<Line> {
  const arns = (await inTurn(db, MOST_PLACES)).map(({ arn }) => arn);
  if (arns.length === 0) return { arns, missing: undefined };
  const host = { cpus: cpus().length, memoryMiB: Math.floor(totalmem() / (1 << 20)) };
  return { arns, missing: whatIsMissing(await instanceTypeOf(db, arns[0]!), await runningTypes(db), limits, host) };
}

/** Why an image waits and its place, as a sentence; `undefined` if it does not wait, or starts at once. */
export function whyItWaits({ arns, missing }: Line, arn: string): string | undefined {
  const index = arns.indexOf(arn);
  if (index < 0 || missing === undefined) return undefined;
  const what = index === 0 ? missing : `waits for its turn; the first in line ${missing}`;
  return `${what[0]!.toUpperCase()}${what.slice(1)}. Place ${index + 1} of ${arns.length}.`;
}
