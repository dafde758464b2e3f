/** Log streams and their events. */
import type * as sdk from '@aws-sdk/client-cloudwatch-logs';
import { logStreams, type LogStream } from '../../../catalog/log-groups.ts';
import { eventId, type EventPlace } from '../../../logs/event.ts';
import { FilterPatternError, readFilterPattern, type FilterPattern } from '../../../logs/filter-pattern.ts';
import { gapBefore, gapBehind, pageBackward, pageForward, type PageRequest } from '../../../logs/pages.ts';
import { sourcesOf } from '../../../logs/sources.ts';
import { logStreamArn } from '../../../resources/log-names.ts';
import { openPage } from '../../paging.ts';
import type { Operations, ServiceContext } from '../service.ts';
import { invalid, streamNotFound } from './errors.ts';
import { sizeOfLog } from './groups.ts';
import { groupOf, limitOf, logPlace, needOf } from './names.ts';

/** Maximum number of events on a page. */
const MOST = 10_000;

/** A stream in a response, with the times of its first and last events. */
async function toldStream(context: ServiceContext, group: string, stream: LogStream) {
  const sources = sourcesOf(logPlace(context, group), stream);
  const [first] = (await pageForward(sources, { limit: 1 })).events;
  const [last] = (await pageBackward(sources, { limit: 1 })).events;
  return {
    logStreamName: stream.name,
    creationTime: Date.parse(stream.created),
    ...(first === undefined || last === undefined
      ? {}
      : { firstEventTimestamp: first.time, lastEventTimestamp: last.time, lastIngestionTime: last.time }),
    uploadSequenceToken: '1',
    arn: logStreamArn(context, group, stream.name),
    storedBytes: stream.images.reduce((sum, image) => sum + sizeOfLog(context.services.dataDirectory, image), 0),
  };
}

/** A position between events, as a token contains it. */
function textOf({ time, source, at }: EventPlace): string {
  return `${time}-${source}-${at}`;
}

const GAP = /^(?:([fb])\/)?(\d{1,16})-([0-9a-f]{16})-(\d{1,16})(?:\/s)?$/;

function readGap(token: string): { readonly backward: boolean; readonly gap: EventPlace } {
  const [, direction, time, source, at] = GAP.exec(token) ?? [];
  if (source === undefined) throw invalid('The specified nextToken is invalid.');
  return { backward: direction === 'b', gap: { time: Number(time), source, at: Number(at) } };
}

/** The time range of a request. @param inclusive whether the end belongs to the range */
function timesOf(
  { startTime, endTime }: { readonly startTime?: number | undefined; readonly endTime?: number | undefined },
  inclusive: boolean,
): Pick<PageRequest, 'from' | 'until'> {
  if (startTime !== undefined && endTime !== undefined && startTime > endTime)
    throw invalid('endTime must not be before startTime.');
  return { from: startTime, until: endTime === undefined || !inclusive ? endTime : endTime + 1 };
}

/** Reads a request's pattern. @throws {ServiceError} InvalidParameterException */
export function patternOf(pattern: string | undefined): FilterPattern | undefined {
  if (pattern === undefined || pattern.trim() === '') return undefined;
  try {
    return readFilterPattern(pattern);
  } catch (error) {
    if (error instanceof FilterPatternError) throw invalid(`Invalid filter pattern: ${error.message}.`);
    throw error;
  }
}

export const events = {
  DescribeLogStreams: {
    mutating: false,
    takes: ['logGroupName', 'logGroupIdentifier', 'logStreamNamePrefix', 'orderBy', 'descending', 'nextToken', 'limit'],
    needs: ({ logGroupName, logGroupIdentifier }, place) => needOf({ logGroupName, logGroupIdentifier }, place),
    async run({ nextToken, limit, ...input }, context) {
      const { logStreamNamePrefix: prefix, orderBy = 'LogStreamName', descending = false } = input;
      const byTime = orderBy === 'LastEventTime';
      if (byTime && prefix !== undefined) throw invalid('Cannot order by LastEventTime with a logStreamNamePrefix.');
      const group = await groupOf(input, context);
      const page = openPage({ ...input, nextToken }, context, ['number'], limitOf(limit, 50));
      const all = (await logStreams(context.db, context, group.name)).filter(
        ({ name }) => prefix === undefined || name.startsWith(prefix),
      );
      const sorted = byTime ? await byLastEvent(context, group.name, all) : all;
      if (descending) sorted.reverse();
      const begin = page.after === undefined ? 0 : Number(page.after[0]);
      const numbered = sorted.map((stream, index) => ({ stream, next: index + 1 })).slice(begin);
      const { items, nextToken: following } = page.cut(numbered, ({ next }) => [next]);
      const told: Awaited<ReturnType<typeof toldStream>>[] = [];
      for (const { stream } of items) told.push(await toldStream(context, group.name, stream));
      return { logStreams: told, nextToken: following };
    },
  },

  GetLogEvents: {
    mutating: false,
    takes: [
      'logGroupName',
      'logGroupIdentifier',
      'logStreamName',
      'startTime',
      'endTime',
      'nextToken',
      'limit',
      'startFromHead',
      'unmask',
    ],
    needs: needOf,
    async run(input, context) {
      const { name } = await groupOf(input, context);
      const [stream] = await logStreams(context.db, context, name, input.logStreamName);
      if (stream === undefined) throw streamNotFound();
      const sources = sourcesOf(logPlace(context, name), stream);
      const request = { ...timesOf(input, false), limit: limitOf(input.limit, MOST) };
      const given = input.nextToken === undefined ? undefined : readGap(input.nextToken);
      const backward = given === undefined ? input.startFromHead !== true : given.backward;
      const { events: found } = await (backward ? pageBackward : pageForward)(sources, request, given?.gap);
      const first = found[0];
      const last = found.at(-1);
      const nowhere = given?.gap ?? { time: request.from ?? 0, source: '0'.repeat(16), at: 0 };
      return {
        events: found.map(({ time, message }) => ({ timestamp: time, message, ingestionTime: time })),
        nextForwardToken: `f/${textOf(last === undefined ? nowhere : gapBehind(last))}/s`,
        nextBackwardToken: `b/${textOf(first === undefined ? nowhere : gapBefore(first))}/s`,
      };
    },
  },

  FilterLogEvents: {
    mutating: false,
    takes: [
      'logGroupName',
      'logGroupIdentifier',
      'logStreamNames',
      'logStreamNamePrefix',
      'startTime',
      'endTime',
      'filterPattern',
      'nextToken',
      'limit',
      'interleaved',
      'unmask',
    ],
    needs: ({ logGroupName, logGroupIdentifier }, place) => needOf({ logGroupName, logGroupIdentifier }, place),
    async run(input, context) {
      const { logStreamNames: names, logStreamNamePrefix: prefix } = input;
      if (names !== undefined && prefix !== undefined)
        throw invalid('Use either logStreamNames or logStreamNamePrefix, not both.');
      const group = await groupOf(input, context);
      const all = await logStreams(context.db, context, group.name);
      if (names?.some((name) => !all.some((stream) => stream.name === name)) === true) throw streamNotFound();
      const streams = all.filter(
        ({ name }) =>
          (names === undefined || names.includes(name)) && (prefix === undefined || name.startsWith(prefix)),
      );
      const place = logPlace(context, group.name);
      const request = {
        ...timesOf(input, true),
        limit: limitOf(input.limit, MOST),
        matches: patternOf(input.filterPattern),
      };
      const gap = input.nextToken === undefined ? undefined : readGap(input.nextToken).gap;
      const page = await pageForward(
        streams.flatMap((stream) => sourcesOf(place, stream)),
        request,
        gap,
      );
      return {
        events: page.events.map((event) => ({
          logStreamName: event.stream,
          timestamp: event.time,
          message: event.message,
          ingestionTime: event.time,
          eventId: eventId(event),
        })),
        searchedLogStreams: [],
        nextToken: page.ended || page.reached === undefined ? undefined : textOf(gapBehind(page.reached)),
      };
    },
  },
} satisfies Operations<typeof sdk>;

async function byLastEvent(
  context: ServiceContext,
  group: string,
  streams: readonly LogStream[],
): Promise<LogStream[]> {
  const dated: { readonly stream: LogStream; readonly time: number }[] = [];
  for (const stream of streams) {
    const { events: found } = await pageBackward(sourcesOf(logPlace(context, group), stream), { limit: 1 });
    dated.push({ stream, time: found[0]?.time ?? 0 });
  }
  return dated.sort((a, b) => a.time - b.time || (a.stream.name < b.stream.name ? -1 : 1)).map(({ stream }) => stream);
}
