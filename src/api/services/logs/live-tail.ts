/** `StartLiveTail`: new events of log groups, as a stream. */
import type * as sdk from '@aws-sdk/client-cloudwatch-logs';
import type { StartLiveTailResponseStream } from '@aws-sdk/client-cloudwatch-logs';
import { after } from '../../../platform/clock.ts';
import { newUuid } from '../../../platform/ids.ts';
import { logger } from '../../../platform/log.ts';
import { liveTail as tail, type LiveTailRequest } from '../../../logs/live-tail.ts';
import { logGroupArn } from '../../../resources/log-names.ts';
import type { Operations, ServiceContext } from '../service.ts';
import { invalid, limitExceeded } from './errors.ts';
import { patternOf } from './events.ts';
import { groupOf, logPlace, needOf } from './names.ts';

// Source: CloudWatch Logs API Reference, StartLiveTail; quotas of CloudWatch Logs ("Live Tail concurrent sessions").
const MOST_GROUPS = 10;
const MOST_STREAMS = 100;
const MOST_SESSIONS = 15;
const SESSION_MS = 3 * 3600_000;

/** Open sessions by account, for each server. */
const sessions = new WeakMap<object, Map<string, number>>();

/** Counts a session until its signal is aborted. @throws {ServiceError} LimitExceededException */
function takeSession({ services, account, signal }: ServiceContext): void {
  let counts = sessions.get(services);
  if (counts === undefined) sessions.set(services, (counts = new Map()));
  const open = counts.get(account) ?? 0;
  if (open >= MOST_SESSIONS)
    throw limitExceeded(`This account has ${MOST_SESSIONS} Live Tail sessions open. Close one of them first.`);
  counts.set(account, open + 1);
  signal.addEventListener('abort', () => counts.set(account, counts.get(account)! - 1), { once: true });
}

function checkNames(what: string, names: readonly string[] | undefined, groups: number): void {
  if (names === undefined) return;
  if (groups > 1) throw invalid(`${what} can be used with one log group only.`);
  if (names.length === 0 || names.length > MOST_STREAMS)
    throw invalid(`${what}: expected 1 to ${MOST_STREAMS} names, got ${names.length}.`);
}

async function* session(
  start: NonNullable<StartLiveTailResponseStream['sessionStart']>,
  request: LiveTailRequest,
  context: ServiceContext,
): AsyncGenerator<StartLiveTailResponseStream> {
  yield { sessionStart: start } as StartLiveTailResponseStream;
  const over = new AbortController();
  const timer = after(SESSION_MS, () => over.abort());
  try {
    const signal = AbortSignal.any([request.signal, over.signal]);
    for await (const events of tail({ ...request, signal }))
      yield {
        sessionUpdate: {
          sessionMetadata: { sampled: false },
          sessionResults: events.map(({ group, stream, time, message }) => ({
            logStreamName: stream,
            // As AWS writes it here: with the account in front of the name.
            logGroupIdentifier: `${context.account}:${group}`,
            message,
            timestamp: time,
            ingestionTime: time,
          })),
        },
      } as StartLiveTailResponseStream;
    if (over.signal.aborted)
      yield {
        SessionTimeoutException: { message: 'The session ended after three hours.' },
      } as StartLiveTailResponseStream;
  } catch (error) {
    logger().error({ err: error, requestId: context.requestId }, 'a Live Tail session failed');
    yield {
      SessionStreamingException: { message: `An internal error occurred (request ${context.requestId}).` },
    } as StartLiveTailResponseStream;
  } finally {
    timer.end();
  }
}

export const liveTail = {
  StartLiveTail: {
    mutating: false,
    takes: ['logGroupIdentifiers', 'logStreamNames', 'logStreamNamePrefixes', 'logEventFilterPattern'],
    needs({ logGroupIdentifiers: given }, place) {
      if (given.length === 0 || given.length > MOST_GROUPS)
        throw invalid(`logGroupIdentifiers: expected 1 to ${MOST_GROUPS} log groups, got ${given.length}.`);
      return given.flatMap((logGroupIdentifier) => needOf({ logGroupIdentifier }, place));
    },
    async run(input, context) {
      const { logGroupIdentifiers: identifiers, logStreamNames: names, logStreamNamePrefixes: prefixes } = input;
      if (names !== undefined && prefixes !== undefined)
        throw invalid('Use either logStreamNames or logStreamNamePrefixes, not both.');
      checkNames('logStreamNames', names, identifiers.length);
      checkNames('logStreamNamePrefixes', prefixes, identifiers.length);
      const matches = patternOf(input.logEventFilterPattern);
      const groups = new Set<string>();
      for (const logGroupIdentifier of identifiers) groups.add((await groupOf({ logGroupIdentifier }, context)).name);
      takeSession(context);
      const start = {
        requestId: context.requestId,
        sessionId: newUuid(),
        logGroupIdentifiers: [...groups].map((name) => logGroupArn(context, name)),
        logStreamNames: names ?? [],
        logStreamNamePrefixes: prefixes ?? [],
        logEventFilterPattern: input.logEventFilterPattern ?? '',
      };
      const { db, dataDirectory, place } = logPlace(context, '');
      const admits = (stream: string): boolean =>
        names !== undefined
          ? names.includes(stream)
          : prefixes === undefined || prefixes.some((prefix) => stream.startsWith(prefix));
      return {
        responseStream: session(
          start,
          { db, dataDirectory, place, groups, admits, matches, since: context.now, signal: context.signal },
          context,
        ),
      };
    },
  },
} satisfies Operations<typeof sdk>;
