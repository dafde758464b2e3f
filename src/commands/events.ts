/** `ingot events`. */
import type { EventEnvelope } from '../events/envelope.ts';
import { noticeOf } from '../events/notice.ts';
import { parsePattern, PatternError } from '../events/pattern.ts';
import { recordsOf, RequestRefused, signedJson, signedRequest, type Connection } from '../platform/api-client.ts';
import { sleep } from '../platform/clock.ts';
import { durationFault, durationSeconds } from '../resources/durations.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { CommandFailed, WrongUse, type Arguments, type Command } from './command.ts';
import { plainLine } from './text.ts';
import { INGOT } from '../platform/own-program.ts';

/** How often to reconnect to a server that ends, or start it again. */
const RECONNECTS = 20;

export const events: Command = {
  usage: 'events [OPTIONS]',
  about: `
Shows events, oldest first: status changes of images, waiting steps and the like, in the format of EventBridge.

DURATION is such as 15m, 2h, 7d. PATTERN is an event pattern of EventBridge, as JSON.`,
  options: {
    follow: { short: 'f', help: 'keep printing new events' },
    since: { value: 'DURATION', help: 'events of the last DURATION', default: 'all that are kept' },
    pattern: { value: 'PATTERN', help: 'only events that match' },
    failed: { help: 'show deliveries that failed instead' },
    replay: { value: 'ID', help: 'deliver an event again, to the receivers that it could not be delivered to' },
    receiver: { value: 'NAME', help: 'with --failed or --replay: only this receiver' },
    json: { help: 'print JSON lines' },
    ...CLIENT_OPTIONS,
  },
  examples: [
    'ingot events --since 1d',
    `ingot events -f --pattern '{"detail": {"state": {"status": ["FAILED"]}}}'`,
    'ingot events --failed',
  ],
  positionals: [],
  run,
};

async function run(args: Arguments): Promise<number> {
  const replayed = args.text('replay');
  const modes = ['follow', 'failed'].filter((name) => args.flag(name));
  if (modes.length + (replayed === undefined ? 0 : 1) > 1)
    throw new WrongUse('--follow, --failed and --replay exclude each other');
  if (args.text('receiver') !== undefined && !args.flag('failed') && replayed === undefined)
    throw new WrongUse('--receiver needs --failed or --replay');
  if (replayed !== undefined) return replay(args, replayed);
  return args.flag('failed') ? showFailed(args) : show(args);
}

async function show(args: Arguments): Promise<number> {
  const query = readQuery(args);
  const follow = args.flag('follow');
  let connection = await connect(args);
  const print = (event: EventEnvelope): void => {
    process.stdout.write(args.flag('json') ? `${JSON.stringify(event)}\n` : `${shown(event)}\n`);
  };
  let after: number | undefined;
  for (let attempt = 0; ; attempt++) {
    try {
      const asked = after === undefined ? query : { ...query, after: String(after) };
      for await (const record of await stream(connection, { ...asked, follow: String(follow) })) {
        if (record.error !== undefined) throw new CommandFailed(record.error);
        after = record.seq;
        attempt = 0;
        print(record.event);
      }
      if (!follow) return 0;
    } catch (error) {
      if (!follow || error instanceof RequestRefused || error instanceof CommandFailed) throw error;
    }
    if (attempt >= RECONNECTS) throw new CommandFailed('the connection to the server broke');
    await sleep(250);
    connection = await connect(args);
  }
}

interface EventRecord {
  readonly seq: number;
  readonly event: EventEnvelope;
  readonly error?: string;
}

async function stream(
  connection: Connection,
  query: Readonly<Record<string, string>>,
): Promise<AsyncGenerator<EventRecord>> {
  return recordsOf<EventRecord>(await signedRequest(connection, { method: 'GET', path: '/ingot/events', query }));
}

function readQuery(args: Arguments): Readonly<Record<string, string>> {
  const query: Record<string, string> = {};
  const since = args.text('since');
  if (since !== undefined) {
    const seconds = durationSeconds(since);
    if (seconds === undefined) throw new WrongUse(durationFault('--since', since));
    query['since'] = new Date(Date.now() - seconds * 1000).toISOString();
  }
  const pattern = args.text('pattern');
  if (pattern !== undefined) {
    try {
      parsePattern(pattern);
    } catch (error) {
      if (error instanceof PatternError) throw new WrongUse(`invalid value for --pattern: ${error.faults.join('; ')}`);
      throw error;
    }
    query['pattern'] = pattern;
  }
  return query;
}

/** An event as a line for people: `2026-01-31T12:00:00Z  Image web/1.0.0/1 is AVAILABLE  8f2d0b4e-…`. */
export function shown(event: EventEnvelope): string {
  const { title, lines } = noticeOf(event, undefined, undefined);
  const [detail = ''] = event['detail-type'].includes('State Change') && lines.length > 1 ? lines : [];
  return plainLine([event.time, event.id, detail === '' ? title : `${title}: ${detail}`].join('  '));
}

interface FailedDelivery {
  readonly receiver: string;
  readonly state: string;
  readonly attempts: number;
  readonly lastFailure: string;
  readonly error: string;
  readonly event: EventEnvelope | { readonly id: string };
}

async function showFailed(args: Arguments): Promise<number> {
  const receiver = args.text('receiver');
  const { deliveries } = await signedJson<{ readonly deliveries: readonly FailedDelivery[] }>(await connect(args), {
    method: 'GET',
    path: '/ingot/deliveries',
    ...(receiver === undefined ? {} : { query: { receiver } }),
  });
  for (const each of deliveries)
    process.stdout.write(args.flag('json') ? `${JSON.stringify(each)}\n` : failedText(each));
  if (deliveries.some(({ state }) => state === 'dead') && !args.flag('json'))
    process.stdout.write(`\nDeliver one again: ${INGOT} events --replay ID\n`);
  return 0;
}

/** Two lines for people. */
export function failedText({ receiver, state, attempts, lastFailure, error, event }: FailedDelivery): string {
  const what = 'detail-type' in event ? noticeOf(event, undefined, undefined).title : 'an event that is no longer kept';
  const how = state === 'dead' ? 'gave up' : 'retrying';
  const times = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  const first = plainLine(`${event.id}  ${receiver}  ${how} after ${times}  ${what}`);
  return `${first}\n    ${plainLine(`${lastFailure} ${error}`)}\n`;
}

async function replay(args: Arguments, id: string): Promise<number> {
  const receiver = args.text('receiver');
  const { receivers } = await signedJson<{ readonly receivers: readonly string[] }>(await connect(args), {
    method: 'POST',
    path: `/ingot/events/${encodeURIComponent(id)}/replay`,
    body: receiver === undefined ? {} : { receiver },
  });
  process.stdout.write(`Delivering it again to ${receivers.join(', ')}.\n`);
  return 0;
}
