/**
 * Makes the plan of an image, or rejects it with reasons. The worker calls it before the build; operations call it
 * before they record an image. It knows the catalogue, but neither drivers nor disks.
 */
import { parseArn } from '../../resources/arns.ts';
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { Catalog, Queryable } from '../../catalog/catalog.ts';
import { tagsOf } from '../../catalog/tags.ts';
import { DistributionRefusal, planDistribution, type DistributionPlan } from '../../distribution/plan.ts';
import { distributionFaults, RECIPE_REPOSITORY } from '../../distribution/proof.ts';
import type { Config } from '../../platform/config/config.ts';
import { networkFor } from '../../platform/config/networks.ts';
import { instanceProfileFor } from '../../platform/config/profiles.ts';
import { readAllowed, type AllowedSecret } from '../../resources/allowed-secrets.ts';
import { containerPlan } from '../containers/container-plan.ts';
import { containerSettings } from '../containers/container-settings.ts';
import { ParentMissing, parentSource, type ParentSource } from '../containers/parent-source.ts';
import { cachePolicy } from './cache-policy.ts';
import { refusePlatform } from './choose-driver.ts';
import { componentsOf, resolveComponents, workingDirectoryOf } from './components.ts';
import { planEncryption } from './encryption.ts';
import { membersWithoutEffect } from './members.ts';
import type {
  ImagePlan,
  PlannedImage,
  PlannedWorkflow,
  PlanOutcome,
  Refusal,
  RefusalCode,
  Stage,
} from './image-plan.ts';
import { keepSeconds } from './keep.ts';
import { poolFor } from './pool.ts';
import { namedBySteps } from './named-by-steps.ts';
import { ParsedDocuments } from './parsed-documents.ts';
import { groupsOf, selectWorkflows } from './select-workflows.ts';

/** The image recipe's tag that allows findings of the secret search: names, each alone or with a path. */
export const ALLOW_SECRETS_TAG = 'ingot:allow-secrets';

/** The inputs of a plan. */
export interface PlanRequest extends PlannedImage {
  readonly catalog: Catalog;
  /** A transaction (default: the catalogue's own). */
  readonly db?: Queryable;
  /** The current configuration of the data directory. */
  readonly config: Config;
  /** Documents that the caller has parsed already. */
  readonly documents?: ParsedDocuments | undefined;
}

/**
 * Plans an image. Wildcards resolve to the current newest version, and sharing is checked as it is now.
 * @throws only if the catalogue cannot be read; faults of the image are refusals
 */
export async function planImage(request: PlanRequest): Promise<PlanOutcome> {
  const { arn, image, region, account, task, catalog, config } = request;
  const db = request.db ?? catalog.db;
  const documents = request.documents ?? new ParsedDocuments();
  const place = { catalog, db, region, account, documents };
  const refusals: Refusal[] = [];
  const amiId = task?.kind === 'distribute' ? task.amiId : undefined;
  const encryption = await planEncryption(image, { db, account, region, regions: config.regions, amiId }, refusals);
  const tried = <T>(code: RefusalCode, field: string, make: () => T): T | undefined => {
    try {
      return make();
    } catch (error) {
      refusals.push({ code, field, message: (error as Error).message, cause: error as Error });
      return undefined;
    }
  };
  const { instanceProfileName, subnetId, securityGroupIds } = image.infrastructureConfiguration ?? {};

  const instanceProfile = tried('instance-profile', 'infrastructureConfiguration.instanceProfileName', () => {
    const name = instanceProfileName ?? '';
    const profile = instanceProfileFor(config.instanceProfiles, name, account);
    return profile === undefined ? undefined : { name, profile };
  });
  const network = tried('network', 'infrastructureConfiguration', () =>
    networkFor(config.networks, account, subnetId, securityGroupIds ?? []),
  );
  const keep = tried('keep', 'tags', () => ({ build: keepSeconds(image, 'build'), test: keepSeconds(image, 'test') }));
  const cache = tried('cache', 'tags', () => cachePolicy(image));
  const distribution = distributionOf(request, refusals);
  for (const { path, message } of distribution === undefined
    ? []
    : await distributionFaults(db, distribution, account, config.registries)) {
    const field = path === RECIPE_REPOSITORY ? path : `distributionConfiguration.${path}`;
    refusals.push({ code: 'distribution', field, message: `${field}: ${message}` });
  }
  const pool = tried('pool', 'infrastructureConfiguration.parentInstance', () =>
    poolFor(config.pools, image, { account, region }),
  );
  const components = await resolveComponents(image, place);
  refusals.push(...components.refusals);
  const allowed = await allowedSecrets(image, db, refusals);
  const workflows = await selectWorkflows(image, place);
  refusals.push(...workflows.refusals);
  refusals.push(...(await namedBySteps(workflows.workflows, config, account)));
  if (launches(workflows.workflows, task)) tried('platform', 'platform', () => refusePlatform(image.platform));

  const settings = tried('settings', 'tags', () =>
    image.containerRecipe === undefined ? undefined : containerSettings({ arn, image }),
  );
  const parent = await parentOf(request, db, refusals);

  if (
    refusals.length > 0 ||
    network === undefined ||
    keep === undefined ||
    cache === undefined ||
    distribution === undefined ||
    allowed === undefined
  )
    return { plan: undefined, refusals };
  const workingDirectory = workingDirectoryOf(image);
  const builds = componentsOf(components.resolved, 'BUILD');
  const plan: ImagePlan = {
    arn,
    image,
    region,
    account,
    task,
    components: components.resolved,
    container:
      image.containerRecipe === undefined || parent === undefined || settings === undefined
        ? undefined
        : containerPlan(image.containerRecipe, parent, builds, workingDirectory, settings),
    parsed: (text) => documents.component(text),
    phases: byStage((stage) => (stage === 'BUILD' ? builds : componentsOf(components.resolved, stage))),
    workflows: byStage((stage) => groupsOf(workflows.workflows.filter(({ type }) => type === stage))),
    workingDirectory,
    network,
    instanceProfile,
    commandDocuments: config.commandDocuments,
    stateMachines: config.stateMachines,
    pool,
    cache,
    keep,
    allowedSecrets: allowed,
    distribution,
    encryption,
    withoutEffect: membersWithoutEffect(image),
  };
  return { plan: Object.freeze(plan), refusals: [] };
}

function byStage<T>(make: (stage: Stage) => T): Readonly<Record<Stage, T>> {
  return { BUILD: make('BUILD'), TEST: make('TEST'), DISTRIBUTION: make('DISTRIBUTION') };
}

/** Whether the work certainly launches an instance. */
function launches(workflows: readonly PlannedWorkflow[], task: PlannedImage['task']): boolean {
  const stages = task === undefined ? ['BUILD', 'TEST'] : task.kind === 'retry' ? [task.stage] : [];
  return workflows.some(
    ({ type, document }) =>
      stages.includes(type) && document.steps.some((step) => step.action === 'LaunchInstance' && step.if === undefined),
  );
}

/** The plan of each Region. A distribution that cannot be carried out is rejected before the build, not after it. */
function distributionOf(
  { arn, image, region, account }: PlannedImage,
  refusals: Refusal[],
): DistributionPlan | undefined {
  try {
    return planDistribution(image.distributionConfiguration, {
      imageArn: arn,
      name: image.name!,
      buildVersion: parseArn(arn)!.build!,
      buildDate: image.dateCreated!,
      region,
      account,
      recipeDescription: image.imageRecipe?.description,
      repository: image.containerRecipe?.targetRepository,
      kind: image.type === 'DOCKER' ? 'DOCKER' : 'AMI',
      recipeTags: (image.imageRecipe as { readonly amiTags?: Readonly<Record<string, string>> } | undefined)?.amiTags,
    });
  } catch (cause) {
    const { message } = cause as Error;
    const path = cause instanceof DistributionRefusal ? `.${cause.path}` : '';
    refusals.push({
      code: 'distribution',
      field: `distributionConfiguration${path}`,
      message,
      cause: cause as Error,
    });
    return undefined;
  }
}

async function allowedSecrets(
  image: Readonly<Image>,
  db: Queryable,
  refusals: Refusal[],
): Promise<readonly AllowedSecret[] | undefined> {
  const arn = (image.imageRecipe ?? image.containerRecipe)?.arn;
  const value = arn === undefined ? undefined : (await tagsOf(db, arn))[ALLOW_SECRETS_TAG];
  try {
    return readAllowed(value ?? '');
  } catch (cause) {
    const message = `the tag ${ALLOW_SECRETS_TAG} of ${arn} is invalid: '${value}': ${(cause as Error).message}`;
    refusals.push({ code: 'allowed-secrets', field: 'imageRecipe.tags', message, cause: cause as Error });
    return undefined;
  }
}

/** The source of a container recipe's parent image. */
async function parentOf(
  { image, account, region, catalog, task }: PlanRequest,
  db: Queryable,
  refusals: Refusal[],
): Promise<ParentSource | undefined> {
  const reference = image.containerRecipe?.parentImage;
  if (reference === undefined) return undefined;
  try {
    return await parentSource(reference, { db, managed: catalog.managed, account, region });
  } catch (cause) {
    if (!(cause instanceof ParentMissing)) throw cause;
    // Work that begins after the build stage needs no parent.
    if (task !== undefined) return { kind: 'scratch' };
    refusals.push({ code: 'parent', field: 'containerRecipe.parentImage', message: cause.message, cause });
    return undefined;
  }
}
