/** Disk usage, garbage collection, deregistering AMIs. */
import { amiOnRecord } from '../../catalog/amis.ts';
import { resourceNotFound } from '../../resources/errors.ts';
import { authorize } from '../access/authorize.ts';
import { readBody, readQuery } from './read.ts';
import { amiArn, serverArn } from './resources.ts';
import type { IngotRoute } from './route.ts';

/** Ten years: a higher age is a mistake. */
const LONGEST_SECONDS = 10 * 366 * 86_400;

export const storageRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:DescribeStorage',
    method: 'GET',
    path: '/ingot/storage',
    resource: (_params, context) => amiArn('*', context),
    async handle(_request, context) {
      const usage = await context.services.storage.usage(context);
      // The account that owns the server sees the usage of all accounts, others only their own.
      return { json: context.account === context.services.defaultAccount ? usage : { amis: usage.amis } };
    },
  },
  {
    action: 'ingot:CollectGarbage',
    method: 'POST',
    path: '/ingot/gc',
    body: true,
    resource: (_params, context) => serverArn(context),
    async handle({ body }, { services }) {
      const options = readBody(body, (reader) => ({
        olderThanSeconds: reader.integer('olderThanSeconds', 0, LONGEST_SECONDS) ?? 0,
        hostCache: reader.boolean('hostCache') ?? false,
      }));
      return { json: await services.storage.collect(options) };
    },
  },
  {
    action: 'ingot:VerifyAmi',
    method: 'GET',
    path: '/ingot/amis/:id/verify',
    resource: ({ id }, context) => amiArn(id!, context),
    async handle({ params }, context) {
      const id = params['id']!;
      if (!/^ami-[0-9a-f]{8,17}$/.test(id)) throw resourceNotFound(id.slice(0, 64));
      return { json: await context.services.storage.verify(context, id) };
    },
  },
  {
    action: 'ingot:DeregisterAmi',
    method: 'DELETE',
    path: '/ingot/amis/:id',
    resource: ({ id }, context) => amiArn(id!, context),
    async handle({ params, query }, context) {
      const id = params['id']!;
      if (!/^ami-[0-9a-f]{8,17}$/.test(id)) throw resourceNotFound(id.slice(0, 64));
      const region = readQuery(query, (reader) => reader.string('region', { max: 64 }));
      // Policies name an AMI by its own Region, whatever Region the request is signed for.
      const ami = await amiOnRecord(context.services.catalog.db, id);
      if (ami?.account === context.account && ami.region !== context.region) {
        const resource = amiArn(id, { ...context, region: ami.region });
        await authorize(context, [{ action: 'ingot:DeregisterAmi', resource }]);
      }
      return { json: await context.services.storage.deregister(context, id, region) };
    },
  },
];
