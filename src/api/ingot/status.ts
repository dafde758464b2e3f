/** The whole server on one page: what runs, what waits and why, what failed, what is due, disk usage, receivers. */
import { imagesUnderWay, lastFailures, nextDue, stepsThatWait } from '../../catalog/status.ts';
import { lineOf } from '../waits.ts';
import { receiversOf } from './events.ts';
import { serverArn } from './resources.ts';
import type { IngotRoute } from './route.ts';

/** Maximum length of each list. */
const MOST = 10;

export const statusRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:GetStatus',
    method: 'GET',
    path: '/ingot/status',
    resource: (_params, context) => serverArn(context),
    async handle(_request, { services }) {
      const { db } = services.catalog;
      const [busy, line, waitingSteps, failed, due, receivers, usage] = await Promise.all([
        imagesUnderWay(db),
        lineOf(db, services.config.builds),
        stepsThatWait(db),
        lastFailures(db, MOST),
        nextDue(db, MOST),
        receiversOf(services),
        services.storage.usage({ account: services.defaultAccount }),
      ]);
      const places = new Map(line.arns.map((arn, index) => [arn, index + 1]));
      const { totalBytes, availableBytes, kinds } = usage;
      return {
        json: {
          version: services.version,
          time: new Date().toISOString(),
          worker: services.worker(),
          running: busy.filter(({ working }) => working),
          waiting: busy.filter(({ working }) => !working).map((image) => ({ ...image, place: places.get(image.arn) })),
          missing: line.missing,
          waitingSteps,
          failed,
          due,
          disk: { totalBytes, availableBytes, kinds },
          limits: services.config.builds,
          receivers,
        },
      };
    },
  },
];
