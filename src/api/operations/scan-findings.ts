/**
 * Operations on findings of image scans, which are empty because no image is scanned yet. Source: reference,
 * `resources.md` section 7.
 */
import type { Handlers } from '../context.ts';
import { openPage } from '../paging.ts';
import { readFilters } from './common.ts';

const FILTERS = {
  imageBuildVersionArn: 'image',
  imagePipelineArn: 'pipeline',
  vulnerabilityId: 'vulnerability',
  severity: 'severity',
} as const;
const AGGREGATIONS = {
  accountId: 'account',
  imageBuildVersionArn: 'image',
  imagePipelineArn: 'pipeline',
  vulnerabilityId: 'vulnerability',
} as const;

/** Handlers. */
export const scanFindingOperations = {
  async ListImageScanFindings(input, context) {
    readFilters(input.filters, FILTERS);
    openPage(input, context, ['string']);
    return { findings: [] };
  },

  async ListImageScanFindingAggregations(input, context) {
    readFilters(input.filter === undefined ? undefined : [input.filter], AGGREGATIONS, () => 'filter');
    openPage(input, context, ['string']);
    return { aggregationType: input.filter?.name ?? 'accountId', responses: [] };
  },
} satisfies Partial<Handlers>;
