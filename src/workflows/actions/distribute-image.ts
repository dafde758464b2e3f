/**
 * `DistributeImage`: names the AMI in its home Region and copies it, flat, to every other Region of the distribution
 * configuration.
 */
import { amiKey } from '../machines/encryption.ts';
import { relative } from 'node:path';
import { amiOnRecord, insertAmi, reviveAmi, updateAmi } from '../../catalog/amis.ts';
import { amiRecord, type BuiltAmi } from '../../distribution/ami-record.ts';
import { copyToRegion, putIntoStore } from '../../distribution/region-copies.ts';
import { storeOf } from '../../distribution/stores.ts';
import type { RegionPlan } from '../../distribution/plan.ts';
import { timestamp } from '../../platform/clock.ts';
import { newAmiId } from '../../platform/ids.ts';
import { StepError, withFailureDetails, type FailureDetails } from '../errors.ts';
import type { StepAction, StepNeeds, StepOutputs } from './action.ts';

/** The result of one Region for later steps and the step's record. Source: reference, `workflows.md` section 4. */
export interface DistributedImage {
  readonly region: string;
  readonly name: string;
  /** Absent where there is no AMI. */
  readonly amiId?: string;
  readonly accountId: string;
  readonly dateStarted: string;
  readonly dateStopped: string;
  readonly status: 'Completed' | 'Failed' | 'Cancelled' | 'TimedOut';
  readonly step: 'Completed' | 'CopyAmiRunning';
  readonly errorMessage?: string;
}

export const distributeImage: StepAction = { name: 'DistributeImage', run };

/** What distribution takes. */
type Needs = StepNeeds<
  'arn' | 'account' | 'region' | 'image' | 'task' | 'distribution' | 'encryption',
  'ami' | 'copiesAhead' | 'osVersion' | 'sealed',
  'catalog' | 'layers' | 'dataDirectory'
>;

/** Regions that are written at once. */
const AT_ONCE = 8;

async function run(needs: Needs): Promise<StepOutputs> {
  const { plan, progress, inputs, report } = needs;
  if (inputs['distributions'] !== undefined)
    throw new StepError('the input distributions is not supported yet: the distribution configuration is used');
  const { ami } = progress;
  if (ami === undefined) throw new StepError('the build stage made no AMI that could be distributed');
  const { regions, withoutEffect } = plan.distribution;
  for (const path of withoutEffect) report({ type: 'log', level: 'warn', text: `${path} has no effect yet` });

  const results = await atMost(AT_ONCE, regions, (region) => placeRegion(needs, ami, region));
  const distributedImages = results.flat();
  const failed = distributedImages.filter(({ status }) => status !== 'Completed');
  if (failed.length === 0) return { distributedImages };
  throw withFailureDetails(
    new StepError(failed.map(({ region, errorMessage }) => `${region}: ${errorMessage}`).join('; '), {
      outputs: { distributedImages },
    }),
    distributionFailure(failed),
  );
}

/** The AMIs of a Region. Never throws: one Region that fails leaves the others. */
async function placeRegion(needs: Needs, ami: BuiltAmi, region: RegionPlan): Promise<readonly DistributedImage[]> {
  const { plan, progress, services, report, signal, workSignal } = needs;
  const { osVersion } = progress;
  const dateStarted = timestamp();
  const result = { region: region.region, name: region.name, dateStarted };
  try {
    signal.throwIfAborted();
    const amiId = region.home
      ? await putHome(needs, ami, await nameHome({ plan, services }, ami, region, osVersion))
      : await copyElsewhere(needs, ami, region);
    report({ type: 'log', text: `${amiId} in ${region.region}: ${region.name}` });
    const others = await forAccounts(services.catalog, plan.arn, amiId, region.targetAccounts);
    for (const each of others) report({ type: 'log', text: `${each.amiId} in ${region.region}, of ${each.accountId}` });
    return [{ amiId, accountId: plan.account }, ...others].map((placed) => ({
      ...result,
      ...placed,
      dateStopped: timestamp(),
      status: 'Completed',
      step: 'Completed',
    }));
  } catch (error) {
    const status = workSignal.aborted ? 'Cancelled' : signal.aborted ? 'TimedOut' : 'Failed';
    const errorMessage = (error as Error).message.slice(0, 1024) || 'unknown';
    if (status === 'Failed') report({ type: 'log', level: 'error', text: `${region.region}: ${errorMessage}` });
    return [
      {
        ...result,
        accountId: plan.account,
        dateStopped: timestamp(),
        status,
        step: 'CopyAmiRunning',
        errorMessage,
      },
    ];
  }
}

/**
 * The home Region keeps its layers here; a store that `config.yaml` names for it gets them too.
 * @returns the AMI's id, which EC2 gives where it is the store
 */
async function putHome({ plan, services, report, signal }: Needs, ami: BuiltAmi, amiId: string): Promise<string> {
  const { configured } = await storeOf(services.dataDirectory, plan.region);
  if (!configured) return amiId;
  const { db } = services.catalog;
  const id = await putIntoStore(services, (await amiOnRecord(db, amiId))!, ami.layer, {
    owner: plan.arn,
    report,
    signal,
  });
  if (id !== amiId) await updateAmi(db, amiId, { id });
  return id;
}

/** The copy for another Region; what an earlier try has put there is taken. */
async function copyElsewhere(
  { plan, progress, services, report, signal }: Needs,
  ami: BuiltAmi,
  region: RegionPlan,
): Promise<string> {
  const kept = await keptInPlace(services.catalog, plan, plan.account, region);
  if (kept !== undefined) {
    report({ type: 'log', text: `${kept} in ${region.region} is complete from an earlier try` });
    return kept;
  }
  const copied = await copyToRegion(
    services,
    {
      source: plan,
      ami,
      plan: region,
      osVersion: progress.osVersion,
      ahead: progress.copiesAhead,
      keyArn: await amiKey({ plan, services }, region.region, ami.layer.dataKeyId !== undefined),
    },
    report,
    signal,
  );
  progress.sealed.push(copied.layer);
  return copied.amiId;
}

/** The AMI that an earlier try has made of this image, with its name as it is now; `undefined` when there is none. */
async function keptInPlace(
  { db }: Needs['services']['catalog'],
  { arn }: Pick<Needs['plan'], 'arn'>,
  account: string,
  { region, name, description, tags }: RegionPlan,
): Promise<string | undefined> {
  const kept = await reviveAmi(db, arn, { region, account });
  if (kept !== undefined)
    await updateAmi(db, kept, { name, description: description ?? null, tags: JSON.stringify(tags) });
  return kept;
}

/** AMIs of other accounts that share one disk: each belongs to its account. */
async function forAccounts(
  catalog: Needs['services']['catalog'],
  imageArn: string,
  source: string,
  accounts: readonly string[],
): Promise<readonly { readonly amiId: string; readonly accountId: string }[]> {
  if (accounts.length === 0) return [];
  return catalog.transaction(async (trx) => {
    const ami = (await amiOnRecord(trx, source))!;
    const placed: { readonly amiId: string; readonly accountId: string }[] = [];
    for (const accountId of accounts) {
      const kept = await reviveAmi(trx, imageArn, { region: ami.region, account: accountId });
      if (kept !== undefined) {
        const { name, description, tags } = ami;
        await updateAmi(trx, kept, { name, description, tags });
        placed.push({ amiId: kept, accountId });
        continue;
      }
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

/** What `failureContext` says of Regions that failed. */
function distributionFailure(failed: readonly DistributedImage[]): FailureDetails {
  return {
    distributionFailure: {
      errorMessage: failed
        .map(({ region, errorMessage }) => `${region}: ${errorMessage}`)
        .join('; ')
        .slice(0, 1024),
      regionFailures: failed.map(({ region, accountId, status, step, errorMessage }) => ({
        region,
        accountId,
        status,
        imageConfigurationStep: step,
        errorMessage,
      })),
    },
  };
}

/** Does `work` for each, at most so many at once, and answers in their order. `work` does not throw. */
async function atMost<T, R>(count: number, all: readonly T[], work: (each: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  const waiting = [...all.entries()];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) results[next[0]] = await work(next[1]);
  };
  await Promise.all(Array.from({ length: Math.min(count, all.length) }, lane));
  return results;
}

async function nameHome(
  { plan, services: { catalog, dataDirectory, layers } }: Pick<Needs, 'plan' | 'services'>,
  ami: BuiltAmi,
  region: RegionPlan,
  osVersion: string | undefined,
): Promise<string> {
  // An AMI that belongs to another image keeps its name. This image gets an AMI of its own over the same disk.
  if (plan.task?.kind === 'distribute') {
    const kept = await keptInPlace(catalog, plan, plan.account, region);
    if (kept !== undefined) return kept;
    const id = newAmiId();
    const key =
      (await amiKey({ plan, services: { catalog } }, region.region, ami.layer.dataKeyId !== undefined)) ??
      (await layers.openerOf(ami.layer));
    if (key !== undefined) await layers.share(ami.layer, key);
    await insertAmi(catalog.db, {
      ...amiRecord(plan, { id, osVersion, ...region }),
      layer_id: ami.layer.id,
      kms_key_arn: key ?? null,
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
