/** Stores of Regions: whether they can be used, and AMIs that are published to Regions of AWS. */
import { amiOnRecord, copyOf, findAmi, insertAmi } from '../../catalog/amis.ts';
import { checkStores } from '../../distribution/check.ts';
import { timestamp } from '../../platform/clock.ts';
import { regionFolder } from '../../platform/data-layout.ts';
import { newAmiId } from '../../platform/ids.ts';
import { invalidParameterValue, resourceNotFound } from '../../resources/errors.ts';
import { regionFault } from '../../resources/regions.ts';
import { currentConfig } from '../operations/plans.ts';
import { readBody, readQuery } from './read.ts';
import { amiArn, serverArn } from './resources.ts';
import type { IngotRoute } from './route.ts';

const MOST_REGIONS = 64;
const AMI_ID = /^ami-[0-9a-f]{8,17}$/;

export const storeRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:CheckStores',
    method: 'GET',
    path: '/ingot/stores',
    resource: (_params, context) => serverArn(context),
    async handle({ query, signal }, context) {
      const given = readQuery(query, (reader) => reader.string('regions', { max: 4096 }));
      const config = await currentConfig(context);
      const regions = given === undefined ? Object.keys(config.regions) : given.split(',');
      const wrong = regions.map(regionFault).find((fault) => fault !== undefined);
      if (wrong !== undefined) throw invalidParameterValue('regions', wrong);
      if (regions.length > MOST_REGIONS) throw invalidParameterValue('regions', `at most ${MOST_REGIONS} Regions`);
      return { json: { stores: await checkStores(config, context.services.dataDirectory, regions, signal) } };
    },
  },
  {
    action: 'ingot:PublishAmi',
    method: 'POST',
    path: '/ingot/amis/:id/publish',
    body: true,
    resource: ({ id }, context) => amiArn(id!, context),
    async handle({ params, body }, context) {
      const id = params['id']!;
      const { region } = readBody(body, (reader) => ({ region: reader.required('region', { max: 64 }) }));
      const { catalog } = context.services;
      const config = await currentConfig(context);
      if (config.regions[region!]?.store !== 'ec2')
        throw invalidParameterValue(
          'region',
          `config.yaml does not make ${region} a Region of AWS: add 'regions: { ${region}: { store: ec2 } }'`,
        );
      const copy = await catalog.transaction(async (trx) => {
        const source = AMI_ID.test(id) ? await findAmi(trx, id) : undefined;
        if (source?.account !== context.account) throw resourceNotFound(id.slice(0, 64));
        const copyId = newAmiId();
        const record = {
          ...source,
          id: copyId,
          region: region!,
          // No image resource made this AMI.
          image_arn: `arn:aws:ec2:${region}:${source.account}:image/${copyId}`,
          layer_id: null,
          file: `${regionFolder('', region!)}/${copyId}.qcow2`,
          state: 'pending' as const,
          created: timestamp(),
          source_ami: source.id,
          source_region: source.region,
        };
        await insertAmi(trx, record);
        return copyId;
      });
      context.services.wakeWorker();
      return { json: { amiId: copy } };
    },
  },
  {
    action: 'ingot:DescribeCopy',
    method: 'GET',
    path: '/ingot/amis/:id/copy',
    resource: ({ id }, context) => amiArn(id!, context),
    async handle({ params }, context) {
      const id = params['id']!;
      const { db } = context.services.catalog;
      const ami = AMI_ID.test(id) ? ((await copyOf(db, id)) ?? (await amiOnRecord(db, id))) : undefined;
      if (ami?.account !== context.account) throw resourceNotFound(id.slice(0, 64));
      return { json: { amiId: ami.id, region: ami.region, state: ami.state, reason: ami.state_reason ?? undefined } };
    },
  },
];
