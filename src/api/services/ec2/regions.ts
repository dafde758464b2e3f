/** Regions, as EC2 lists them. */
import type * as sdk from '@aws-sdk/client-ec2';
import { isRegion } from '../../../resources/regions.ts';
import type { Operations } from '../service.ts';
import { filtered } from './filters.ts';
import { invalidParameter } from './errors.ts';

/**
 * The Regions of AWS that need no opt-in. Every other Region name is valid here as well, but a client that lists all
 * Regions expects these.
 */
const USUAL = [
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-northeast-3',
  'ap-south-1',
  'ap-southeast-1',
  'ap-southeast-2',
  'ca-central-1',
  'eu-central-1',
  'eu-north-1',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
  'sa-east-1',
  'us-east-1',
  'us-east-2',
  'us-west-1',
  'us-west-2',
];

export const regions = {
  DescribeRegions: {
    mutating: false,
    takes: ['RegionNames', 'AllRegions', 'Filters', 'DryRun'],
    needs: () => [{ resource: '*' }],
    async run({ RegionNames, Filters }, { db, account, region }) {
      const used = await db.selectFrom('amis').select('region').distinct().where('account', '=', account).execute();
      const wrong = RegionNames?.find((name) => !isRegion(name));
      if (wrong !== undefined) throw invalidParameter(`Invalid region name: ${wrong.slice(0, 64)}`);
      const names = new Set(RegionNames ?? [...USUAL, region, ...used.map((each) => each.region)]);
      const found = [...names].sort().map((name) => ({
        RegionName: name,
        Endpoint: `ec2.${name}.amazonaws.com`,
        OptInStatus: 'opt-in-not-required',
      }));
      return {
        Regions: filtered(found, Filters, {
          endpoint: ({ Endpoint }) => [Endpoint],
          'opt-in-status': ({ OptInStatus }) => [OptInStatus],
          'region-name': ({ RegionName }) => [RegionName],
        }),
      };
    },
  },
} satisfies Operations<typeof sdk>;
