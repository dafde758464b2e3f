/** Routes for images that AWS does not have: the log of a build, and the AMIs with their files. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { amisOfImage } from '../../catalog/amis.ts';
import { imageLogPath, readImageLog } from '../../catalog/image-log.ts';
import { getImage } from '../../catalog/images.ts';
import { parseArn } from '../../resources/arns.ts';
import { invalidParameterValue, invalidRequest, resourceNotFound } from '../../resources/errors.ts';
import { isInProgress, type ImageStatus } from '../../resources/statuses.ts';
import { goOnFromFailure } from '../../workflows/stages/from-failure.ts';
import type { RequestContext } from '../context.ts';
import { recordRetry, retriable } from '../operations/second-runs.ts';
import { readQuery } from './read.ts';
import type { IngotRoute } from './route.ts';
import { ndjson } from './stream.ts';

export const imageRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:GetImageLog',
    method: 'GET',
    path: '/ingot/images/:arn/log',
    resource: ({ arn }) => arn!,
    async handle({ params, query, signal }, context) {
      const arn = ownBuild(params['arn']!, context);
      const { follow, after } = readQuery(query, (reader) => ({
        follow: reader.oneOf('follow', ['true', 'false']) === 'true',
        after: reader.integer('after', 0, Number.MAX_SAFE_INTEGER) ?? 0,
      }));
      const status = await statusOf(arn, context);
      // The log of a deleted image can be read as long as its file exists.
      if (status === undefined && !existsSync(imageLogPath(context.services.dataDirectory, arn)))
        throw resourceNotFound(arn);
      const ended = async (): Promise<boolean> => {
        const now = await statusOf(arn, context);
        return now === undefined || !isInProgress(now);
      };
      return ndjson(readImageLog(context.services.dataDirectory, arn, { follow, after, ended, signal }), signal);
    },
  },
  {
    action: 'ingot:ListImageAmis',
    method: 'GET',
    path: '/ingot/images/:arn/amis',
    resource: ({ arn }) => arn!,
    async handle({ params }, context) {
      const arn = ownBuild(params['arn']!, context);
      const amis = await amisOfImage(context.services.catalog.db, arn);
      if (amis.length === 0 && (await statusOf(arn, context)) === undefined) throw resourceNotFound(arn);
      return {
        json: {
          amis: amis.map(({ region, id, file, name }) => ({
            region,
            id,
            file: join(context.services.dataDirectory, file),
            name,
          })),
        },
      };
    },
  },
  {
    action: 'ingot:RetryFromFailure',
    method: 'POST',
    path: '/ingot/images/:arn/retry',
    resource: ({ arn }) => arn!,
    async handle({ params }, context) {
      const arn = ownBuild(params['arn']!, context);
      const { catalog, wakeWorker } = context.services;
      const place = await catalog.transaction(async (trx) => {
        const image = await retriable({ db: trx }, arn);
        const found = await goOnFromFailure(trx, arn);
        if (typeof found === 'string')
          throw invalidRequest(`The build of '${arn}' cannot be continued. ${found} Start the build again.`);
        await recordRetry({ ...context, db: trx }, image);
        return found;
      });
      wakeWorker();
      return { json: { image: arn, ...place } };
    },
  },
];

/** The ARN of a build version of the caller. Its Region may differ from the signature's. */
function ownBuild(arn: string, { account }: RequestContext): string {
  const parsed = parseArn(arn);
  if (parsed?.type !== 'image' || parsed.build === undefined) {
    throw invalidParameterValue(
      'arn',
      "It must be the ARN of an image's build version, such as " +
        'arn:aws:imagebuilder:us-east-1:123456789012:image/web/1.0.0/1.',
    );
  }
  if (parsed.owner !== account) throw resourceNotFound(arn);
  return arn;
}

async function statusOf(arn: string, { services }: RequestContext): Promise<ImageStatus | undefined> {
  return (await getImage(services.catalog.db, arn))?.state?.status;
}
