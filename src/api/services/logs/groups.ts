/** Log groups. */
import type * as sdk from '@aws-sdk/client-cloudwatch-logs';
import { rmSync, statSync } from 'node:fs';
import { imageLogPath } from '../../../catalog/image-log.ts';
import {
  deleteLogGroup,
  deleteLogStream,
  ensureLogGroup,
  logGroups,
  logStreams,
  setLogRetention,
  stillWritten,
  type LogGroup,
  type LogStream,
} from '../../../catalog/log-groups.ts';
import { addTags, removeTags, tagsOf } from '../../../catalog/tags.ts';
import { LOG_GROUP_NAME, logGroupArn, logStreamArn } from '../../../resources/log-names.ts';
import { openPage } from '../../paging.ts';
import type { Operations, ServiceContext } from '../service.ts';
import { aborted, groupExists, invalid, streamNotFound } from './errors.ts';
import { groupOf, limitOf, nameFrom, needOf } from './names.ts';

/** Retention periods in days that AWS accepts. Source: API Reference, PutRetentionPolicy. */
const RETENTIONS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/** Size of an image's log in bytes. */
export function sizeOfLog(dataDirectory: string, imageArn: string): number {
  return statSync(imageLogPath(dataDirectory, imageArn), { throwIfNoEntry: false })?.size ?? 0;
}

async function toldGroup(context: ServiceContext, { name, created, retention_days }: LogGroup) {
  const arn = logGroupArn(context, name);
  const streams = await logStreams(context.db, context, name);
  const images = streams.flatMap((stream) => stream.images);
  return {
    logGroupName: name,
    creationTime: Date.parse(created),
    metricFilterCount: 0,
    arn: `${arn}:*`,
    logGroupArn: arn,
    logGroupClass: 'STANDARD' as const,
    storedBytes: images.reduce((sum, image) => sum + sizeOfLog(context.services.dataDirectory, image), 0),
    ...(retention_days === null ? {} : { retentionInDays: retention_days }),
  };
}

/** Deletes the log files once the records are deleted. @throws {ServiceError} while an image writes to one of them */
async function dropFiles(context: ServiceContext, streams: readonly LogStream[]): Promise<void> {
  const images = streams.flatMap((stream) => stream.images);
  const [writing] = await stillWritten(context.db, images);
  if (writing !== undefined)
    throw aborted(`${writing} is still being made and writes to this log. Delete the log when the build has ended.`);
  context.afterCommit(() => {
    for (const image of images) rmSync(imageLogPath(context.services.dataDirectory, image), { force: true });
  });
}

/** The ARN that tag operations receive, and its log group. */
async function taggedGroup(resourceArn: string, context: ServiceContext): Promise<string> {
  const { name } = await groupOf({ logGroupIdentifier: nameFrom(resourceArn, context) }, context);
  return logGroupArn(context, name);
}

export const groups = {
  CreateLogGroup: {
    mutating: true,
    takes: ['logGroupName', 'tags', 'logGroupClass'],
    needs: (input, place) => needOf(input, place),
    async run({ logGroupName, tags, logGroupClass = 'STANDARD' }, context) {
      if (!LOG_GROUP_NAME.test(logGroupName))
        throw invalid("logGroupName: expected 1 to 512 letters, digits, '_', '-', '/', '.' and '#'.");
      if (logGroupClass !== 'STANDARD') throw invalid('logGroupClass: only STANDARD is supported by Ingot.');
      if (!(await ensureLogGroup(context.db, context, logGroupName))) throw groupExists();
      await addTags(context.db, logGroupArn(context, logGroupName), tags);
      return {};
    },
  },

  DescribeLogGroups: {
    mutating: false,
    takes: ['logGroupNamePrefix', 'logGroupNamePattern', 'nextToken', 'limit', 'logGroupClass', 'logGroupIdentifiers'],
    needs: (_input, place) => [{ resource: logStreamArn(place, '') }],
    async run(input, context) {
      const { logGroupNamePrefix: prefix, logGroupNamePattern: pattern, logGroupIdentifiers, limit, ...rest } = input;
      if (prefix !== undefined && pattern !== undefined)
        throw invalid('Use either logGroupNamePrefix or logGroupNamePattern, not both.');
      const page = openPage(
        { nextToken: rest.nextToken, ...{ prefix, pattern, logGroupIdentifiers } },
        context,
        ['string'],
        limitOf(limit, 50),
      );
      const wanted = logGroupIdentifiers?.map((identifier) => nameFrom(identifier, context));
      const after = page.after?.[0] as string | undefined;
      const all = rest.logGroupClass === 'INFREQUENT_ACCESS' ? [] : await logGroups(context.db, context);
      const found = all.filter(
        ({ name }) =>
          (prefix === undefined || name.startsWith(prefix)) &&
          (pattern === undefined || name.toLowerCase().includes(pattern.toLowerCase())) &&
          (wanted === undefined || wanted.length === 0 || wanted.includes(name)) &&
          (after === undefined || name > after),
      );
      const { items, nextToken } = page.cut(found, ({ name }) => [name]);
      const told: Awaited<ReturnType<typeof toldGroup>>[] = [];
      for (const group of items) told.push(await toldGroup(context, group));
      return { logGroups: told, nextToken };
    },
  },

  DeleteLogGroup: {
    mutating: true,
    takes: ['logGroupName'],
    needs: (input, place) => needOf(input, place),
    async run(input, context) {
      const { name } = await groupOf(input, context);
      await dropFiles(context, await logStreams(context.db, context, name));
      await deleteLogGroup(context.db, context, name);
      return {};
    },
  },

  DeleteLogStream: {
    mutating: true,
    takes: ['logGroupName', 'logStreamName'],
    needs: (input, place) => needOf(input, place),
    async run(input, context) {
      const { name } = await groupOf(input, context);
      const streams = await logStreams(context.db, context, name, input.logStreamName);
      if (streams.length === 0) throw streamNotFound();
      await dropFiles(context, streams);
      await deleteLogStream(context.db, context, name, input.logStreamName);
      return {};
    },
  },

  PutRetentionPolicy: {
    mutating: true,
    takes: ['logGroupName', 'retentionInDays'],
    needs: (input, place) => needOf(input, place),
    async run(input, context) {
      if (!RETENTIONS.includes(input.retentionInDays))
        throw invalid(
          `1 validation error detected: Value '${input.retentionInDays}' at 'retentionInDays' failed to satisfy ` +
            `constraint: Member must satisfy enum value set: [${RETENTIONS.join(', ')}]`,
        );
      const { name } = await groupOf(input, context);
      await setLogRetention(context.db, context, name, input.retentionInDays);
      return {};
    },
  },

  DeleteRetentionPolicy: {
    mutating: true,
    takes: ['logGroupName'],
    needs: (input, place) => needOf(input, place),
    async run(input, context) {
      const { name } = await groupOf(input, context);
      await setLogRetention(context.db, context, name, null);
      return {};
    },
  },

  ListTagsForResource: {
    mutating: false,
    takes: ['resourceArn'],
    needs: ({ resourceArn }) => [{ resource: resourceArn }],
    async run({ resourceArn }, context) {
      return { tags: await tagsOf(context.db, await taggedGroup(resourceArn, context)) };
    },
  },

  TagResource: {
    mutating: true,
    takes: ['resourceArn', 'tags'],
    needs: ({ resourceArn, tags }) => [{ resource: resourceArn, tags }],
    async run({ resourceArn, tags }, context) {
      await addTags(context.db, await taggedGroup(resourceArn, context), tags);
      return {};
    },
  },

  UntagResource: {
    mutating: true,
    takes: ['resourceArn', 'tagKeys'],
    needs: ({ resourceArn, tagKeys }) => [{ resource: resourceArn, tagKeys }],
    async run({ resourceArn, tagKeys }, context) {
      await removeTags(context.db, await taggedGroup(resourceArn, context), tagKeys);
      return {};
    },
  },
} satisfies Operations<typeof sdk>;
