/** `ingot status`. */
import type { ShownReceiver } from '../api/ingot/events.ts';
import type { BusyImage } from '../catalog/status.ts';
import { signedJson } from '../platform/api-client.ts';
import { sleep } from '../platform/clock.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import type { Arguments, Command } from './command.ts';
import { ago, plainLine, size, table } from './text.ts';

/** Interval between two screens of `--watch`, in milliseconds. */
const WATCH_MS = 1000;
/** Maximum columns of a reason. */
const LONGEST_REASON = 100;

export const status: Command = {
  usage: 'status [OPTIONS]',
  about: `
Shows the server on one screen: running builds, waiting builds and why they wait, the last failures, what is due next,
disk space, and receivers of events.`,
  options: {
    watch: { short: 'w', help: 'refresh every second until Ctrl-C' },
    json: { help: 'print one JSON object' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot status --watch'],
  positionals: [],
  run,
};

/** The response of `/ingot/status`. */
export interface Status {
  readonly version: string;
  readonly time: string;
  readonly worker: { readonly up: boolean; readonly silentSeconds: number };
  readonly running: readonly BusyImage[];
  /** With its position in the queue, from 1; a build that waits for an answer has none. */
  readonly waiting: readonly (BusyImage & { readonly place?: number })[];
  /** What the first in line waits for. */
  readonly missing?: string;
  readonly waitingSteps: readonly { readonly image: string; readonly step: string; readonly since: string }[];
  readonly failed: readonly { readonly arn: string; readonly created: string; readonly reason?: string }[];
  readonly due: readonly { readonly pipeline: string; readonly due: string; readonly lookAt: string }[];
  readonly limits: { readonly atOnce: number; readonly keepFreeBytes: number; readonly diskBytes: number };
  readonly disk: { readonly totalBytes: number; readonly availableBytes: number };
  readonly receivers: readonly ShownReceiver[];
}

async function run(args: Arguments): Promise<number> {
  for (;;) {
    const found = await signedJson<Status>(await connect(args), { method: 'GET', path: '/ingot/status' });
    const screen = args.flag('json') ? `${JSON.stringify(found)}\n` : shown(found);
    // Clears the screen and what was above it.
    const clear = args.flag('watch') && process.stdout.isTTY && !args.flag('json') ? '\u001b[H\u001b[2J\u001b[3J' : '';
    process.stdout.write(`${clear}${screen}`);
    if (!args.flag('watch')) return 0;
    await sleep(WATCH_MS);
  }
}

/** The screen. Pure. */
export function shown(found: Status): string {
  const now = Date.parse(found.time);
  const worker = found.worker.up ? '' : `; the worker has not answered for ${found.worker.silentSeconds} s`;
  const steps = new Map(found.waitingSteps.map((each) => [each.image, each]));
  const sections: readonly (readonly [title: string, rows: readonly (readonly string[])[]])[] = [
    [
      'RUNNING',
      found.running.map(({ arn, status: state, created }) => {
        const step = steps.get(arn);
        const why = step === undefined ? '' : `waits for an answer to ${step.step}, since ${ago(step.since, now)}`;
        return [nameOf(arn), state, ago(created, now), why];
      }),
    ],
    ['WAITING', found.waiting.map((image) => [nameOf(image.arn), ago(image.created, now), whyOf(image, found)])],
    [
      'FAILED',
      found.failed.map(({ arn, created, reason = '' }) => [
        nameOf(arn),
        ago(created, now),
        plainLine(reason.replaceAll('\n', ' ')).slice(0, LONGEST_REASON),
      ]),
    ],
    [
      'DUE NEXT',
      found.due.map(({ pipeline, due, lookAt }) => [
        pipeline.replace(/^.*:image-pipeline\//, ''),
        due,
        lookAt > due ? `put off until ${lookAt}` : '',
      ]),
    ],
    [
      'RECEIVERS',
      found.receivers.map(({ name, type, state, delivered, retrying, dead, lastError }) => [
        name,
        type,
        state,
        `${delivered} delivered`,
        retrying + dead === 0 ? '' : `${retrying} retrying, ${dead} given up`,
        plainLine(lastError ?? '').slice(0, LONGEST_REASON),
      ]),
    ],
  ];
  const { totalBytes, availableBytes } = found.disk;
  const head = `Ingot ${found.version}${worker}\nDisk: ${size(totalBytes)} used, ${size(availableBytes)} free\n`;
  const blocks = sections
    .filter(([title, rows]) => rows.length > 0 || title === 'RUNNING')
    .map(([title, rows]) => `\n${title}\n${rows.length === 0 ? 'nothing\n' : table(rows)}`);
  return `${head}${blocks.join('')}`;
}

function whyOf(
  { arn, cancelRequested, place }: Status['waiting'][number],
  { missing, running, waiting, waitingSteps, worker, disk, limits }: Status,
): string {
  if (cancelRequested) return 'is being canceled';
  const step = waitingSteps.find(({ image }) => image === arn);
  if (step !== undefined) return `waits for an answer to ${step.step}`;
  if (!worker.up) return 'the worker does not answer';
  const inLine = waiting.filter((each) => each.place !== undefined).length;
  const where = place === undefined ? '' : `, place ${place} of ${inLine}`;
  const needed = limits.keepFreeBytes + running.length * limits.diskBytes;
  if (disk.availableBytes < needed)
    return (
      `waits for disk space: ${size(needed)} have to be free (builds.keepFreeMegabytes, and builds.diskMegabytes for ` +
      `each running build)${where}`
    );
  if (missing === undefined) return `starts soon${where}`;
  return place === 1 ? `${missing}${where}` : `waits for its turn${where}`;
}

function nameOf(arn: string): string {
  return arn.replace(/^.*:image\//, '');
}
