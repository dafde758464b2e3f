/** `DistributeImage`: names the AMI in its home Region and copies it, flat, to every other Region of the distribution configuration. */
import { relative } from 'node:path';
import { insertAmi, updateAmi } from '../../catalog/amis.ts';
import { planDistribution, type DistributionPlan, type RegionPlan } from '../../distribution/plan.ts';
import { timestamp } from '../../platform/clock.ts';
import { newAmiId } from '../../platform/ids.ts';
import { amiRecord } from '../ami-record.ts';
import { type BuiltAmi, type ImageWork, StepError } from '../image-work.ts';
import { copyToRegion } from '../region-copies.ts';
import type { StepAction, StepContext, StepOutputs } from './action.ts';

/** One Region's result, as later steps and the step's record see it. Source: reference, `workflows.md` section 4. */
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

async function run({ work, inputs, report, signal }: StepContext): Promise<StepOutputs> {
  if (inputs['distributions'] !== undefined)
    throw new StepError('the input distributions is not supported yet: the distribution configuration is used');
  const { ami } = work;
  if (ami === undefined) throw new StepError('the build stage made no AMI that could be distributed');
  const { regions, withoutEffect } = planOf(work);
  for (const path of withoutEffect) report({ type: 'log', level: 'warn', text: `${path} has no effect yet` });

  const distributedImages: DistributedImage[] = [];
  for (const region of regions) {
    const dateStarted = timestamp();
    const amiId = region.home
      ? await nameHome(work, ami, region)
      : await copyToRegion(work, ami, region, report, signal);
    report({ type: 'log', text: `${amiId} in ${region.region}: ${region.name}` });
    distributedImages.push({
      region: region.region,
      name: region.name,
      amiId,
      accountId: work.account,
      dateStarted,
      dateStopped: timestamp(),
      status: 'Completed',
      step: 'Completed',
    });
  }
  return { distributedImages };
}

/** What each Region gets. @throws {DistributionRefusal} for what must not be ignored, {TemplateVariableError} for a variable that does not exist */
export function planOf(work: Pick<ImageWork, 'image' | 'arn' | 'region'>): DistributionPlan {
  const { image } = work;
  return planDistribution(image.distributionConfiguration, {
    imageArn: work.arn,
    name: image.name!,
    buildVersion: Number(work.arn.split('/').at(-1)),
    buildDate: image.dateCreated!,
    region: work.region,
    recipeDescription: image.imageRecipe?.description,
    recipeTags: (image.imageRecipe as { readonly amiTags?: Readonly<Record<string, string>> } | undefined)?.amiTags,
  });
}

async function nameHome(work: ImageWork, ami: BuiltAmi, region: RegionPlan): Promise<string> {
  // An AMI of another image keeps its name: this image has one of its own, over the same disk.
  if (work.task?.kind === 'distribute') {
    const id = newAmiId();
    await insertAmi(work.catalog.db, {
      ...amiRecord(work, { id, ...region }),
      layer_id: ami.layer.id,
      file: relative(work.dataDirectory, ami.layer.path),
      state: 'available',
    });
    return id;
  }
  await updateAmi(work.catalog.db, ami.id, {
    name: region.name,
    description: region.description ?? null,
    tags: JSON.stringify(region.tags),
  });
  return ami.id;
}
