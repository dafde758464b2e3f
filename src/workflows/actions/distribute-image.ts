/**
 * `DistributeImage`: names the AMI in its home Region and copies it, flat, to every other Region of the distribution
 * configuration.
 */
import { relative } from 'node:path';
import { amiOnRecord, insertAmi, updateAmi } from '../../catalog/amis.ts';
import { amiRecord, type BuiltAmi } from '../../distribution/ami-record.ts';
import { copyToRegion } from '../../distribution/region-copies.ts';
import type { RegionPlan } from '../../distribution/plan.ts';
import { timestamp } from '../../platform/clock.ts';
import { newAmiId } from '../../platform/ids.ts';
import { StepError, withFailureDetails, type FailureDetails } from '../errors.ts';
import type { StepAction, StepNeeds, StepOutputs } from './action.ts';

/** The result of one Region for later steps and the step's record. Source: reference, `workflows.md` section 4. */
export interface DistributedImage {
  readonly region: string;
  readonly name: string;
  readonly amiId: string;
  readonly accountId: string;
  readonly dateStarted: string;
  readonly dateStopped: string;
  readonly status: 'Completed';
  readonly step: 'Completed';
}

export const distributeImage: StepAction = { name: 'DistributeImage', run };

/** What distribution takes. */
type Needs = StepNeeds<
  'arn' | 'account' | 'region' | 'image' | 'task' | 'distribution',
  'ami' | 'copiesAhead' | 'osVersion' | 'sealed',
  'catalog' | 'layers' | 'dataDirectory'
>;

async function run({ plan, progress, services, inputs, report, signal }: Needs): Promise<StepOutputs> {
  if (inputs['distributions'] !== undefined)
    throw new StepError('the input distributions is not supported yet: the distribution configuration is used');
  const { ami, osVersion } = progress;
  if (ami === undefined) throw new StepError('the build stage made no AMI that could be distributed');
  const { regions, withoutEffect } = plan.distribution;
  for (const path of withoutEffect) report({ type: 'log', level: 'warn', text: `${path} has no effect yet` });
  const copy = async (region: RegionPlan): Promise<string> => {
    const copied = await copyToRegion(
      services,
      { source: plan, ami, plan: region, osVersion, ahead: progress.copiesAhead },
      report,
      signal,
    );
    progress.sealed.push(copied.layer);
    return copied.amiId;
  };

  const distributedImages: DistributedImage[] = [];
  for (const region of regions) {
    const dateStarted = timestamp();
    const amiId = await (region.home ? nameHome({ plan, services }, ami, region, osVersion) : copy(region)).catch(
      (error: Error) => {
        throw withFailureDetails(error, regionFailure(region.region, plan.account, error));
      },
    );
    report({ type: 'log', text: `${amiId} in ${region.region}: ${region.name}` });
    const others = await forAccounts(services.catalog, amiId, region.targetAccounts);
    for (const each of others) report({ type: 'log', text: `${each.amiId} in ${region.region}, of ${each.accountId}` });
    for (const placed of [{ amiId, accountId: plan.account }, ...others])
      distributedImages.push({
        region: region.region,
        name: region.name,
        ...placed,
        dateStarted,
        dateStopped: timestamp(),
        status: 'Completed',
        step: 'Completed',
      });
  }
  return { distributedImages };
}

/** AMIs of other accounts that share one disk: each belongs to its account. */
async function forAccounts(
  catalog: Needs['services']['catalog'],
  source: string,
  accounts: readonly string[],
): Promise<readonly { readonly amiId: string; readonly accountId: string }[]> {
  if (accounts.length === 0) return [];
  return catalog.transaction(async (trx) => {
    const ami = (await amiOnRecord(trx, source))!;
    const placed: { readonly amiId: string; readonly accountId: string }[] = [];
    for (const accountId of accounts) {
      const id = newAmiId();
      await insertAmi(trx, {
        ...ami,
        id,
        account: accountId,
        created: timestamp(),
        source_ami: source,
        source_region: ami.region,
      });
      placed.push({ amiId: id, accountId });
    }
    return placed;
  });
}

/** The details of a failure in `failureContext`. */
function regionFailure(region: string, accountId: string, { message }: Error): FailureDetails {
  const errorMessage = message.slice(0, 1024) || 'unknown';
  return {
    distributionFailure: {
      errorMessage,
      regionFailures: [{ region, accountId, status: 'Failed', imageConfigurationStep: 'CopyAmiRunning', errorMessage }],
    },
  };
}

async function nameHome(
  { plan, services: { catalog, dataDirectory } }: Pick<Needs, 'plan' | 'services'>,
  ami: BuiltAmi,
  region: RegionPlan,
  osVersion: string | undefined,
): Promise<string> {
  // An AMI that belongs to another image keeps its name. This image gets an AMI of its own over the same disk.
  if (plan.task?.kind === 'distribute') {
    const id = newAmiId();
    await insertAmi(catalog.db, {
      ...amiRecord(plan, { id, osVersion, ...region }),
      layer_id: ami.layer.id,
      file: relative(dataDirectory, ami.layer.path),
      state: 'available',
    });
    return id;
  }
  await updateAmi(catalog.db, ami.id, {
    name: region.name,
    description: region.description ?? null,
    tags: JSON.stringify(region.tags),
  });
  return ami.id;
}
