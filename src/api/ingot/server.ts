/** The server itself: its version and state, and how to stop it. */
import { imagesInWork } from '../../catalog/image-work.ts';
import { readQuery } from './read.ts';
import { serverArn } from './resources.ts';
import type { IngotRoute } from './route.ts';

export const serverRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:DescribeServer',
    method: 'GET',
    path: '/ingot/server',
    resource: (_params, context) => serverArn(context),
    async handle(_request, { services }) {
      const lost = services.audit.lost();
      return {
        json: {
          version: services.version,
          pid: process.pid,
          dataDirectory: services.dataDirectory,
          auditEventsLost: lost,
        },
      };
    },
  },
  {
    action: 'ingot:StopServer',
    method: 'POST',
    path: '/ingot/server/stop',
    resource: (_params, context) => serverArn(context),
    async handle({ query }, { services }) {
      const now = readQuery(query, (reader) => reader.oneOf('now', ['true', 'false'])) === 'true';
      services.shutdown(now ? 'now' : 'idle');
      return { json: { inWork: await imagesInWork(services.catalog.db) } };
    },
  },
];
