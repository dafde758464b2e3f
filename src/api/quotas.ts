/**
 * Quotas: how many of each resource an account may have in a Region, and how many builds may run at once. Source:
 * reference, `resources.md` section 11.
 */
import { sql } from 'kysely';
import type { Queryable } from '../catalog/catalog.ts';
import type { Place } from '../catalog/slices.ts';
import type { Config, QuotaName } from '../platform/config/config.ts';
import { serviceQuotaExceeded } from '../resources/errors.ts';
import { BUILD_STAGES } from '../resources/statuses.ts';
import type { RequestContext } from './context.ts';
import type { OperationName } from './model.ts';

/** What a quota counts: rows of an account and Region; for resources with builds, the versions that lists show. */
interface Counted {
  readonly quota: QuotaName;
  readonly table: string;
  readonly versions?: readonly string[];
  readonly statuses?: readonly string[];
}

const VERSION = ['slug', 'major', 'minor', 'patch'] as const;
const COMPONENTS: Counted = { quota: 'components', table: 'components', versions: VERSION };
const BUILDS: Counted = { quota: 'concurrentBuilds', table: 'images', statuses: BUILD_STAGES };

/** The quota that an operation may exceed. */
const COUNTED: Partial<Record<OperationName, Counted>> = {
  CreateComponent: COMPONENTS,
  ImportComponent: COMPONENTS,
  CreateImageRecipe: { quota: 'imageRecipes', table: 'image_recipes' },
  CreateContainerRecipe: { quota: 'containerRecipes', table: 'container_recipes' },
  CreateInfrastructureConfiguration: { quota: 'infrastructureConfigurations', table: 'infrastructure_configurations' },
  CreateDistributionConfiguration: { quota: 'distributionConfigurations', table: 'distribution_configurations' },
  CreateWorkflow: { quota: 'workflows', table: 'workflows', versions: ['type', ...VERSION] },
  CreateImagePipeline: { quota: 'imagePipelines', table: 'image_pipelines' },
  CreateLifecyclePolicy: { quota: 'lifecyclePolicies', table: 'lifecycle_policies' },
  CreateImage: BUILDS,
  StartImagePipelineExecution: BUILDS,
  RetryImage: BUILDS,
  DistributeImage: BUILDS,
  ImportVmImage: BUILDS,
  StartResourceStateUpdate: {
    quota: 'concurrentStateUpdates',
    table: 'lifecycle_executions',
    statuses: ['PENDING', 'IN_PROGRESS'],
  },
};

/** Checks a quota of one request's content. @throws {ApiError} ServiceQuotaExceededException */
export function checkNumber({ services }: Pick<RequestContext, 'services'>, quota: QuotaName, number: number): void {
  const most = services.config.quotas[quota];
  if (most !== null && number > most) {
    throw serviceQuotaExceeded(
      `The quota '${quota}' is ${most}; these are ${number}. Quotas are set in config.yaml of the server's data ` +
        'directory.',
    );
  }
}

/**
 * Counts after an operation, in its transaction, which the error rolls back.
 * @throws {ApiError} ServiceQuotaExceededException
 */
export async function checkQuota(
  db: Queryable,
  operation: OperationName,
  { account, region }: Place,
  quotas: Config['quotas'],
): Promise<void> {
  const counted = COUNTED[operation];
  const most = counted === undefined ? null : quotas[counted.quota];
  if (counted === undefined || most === null) return;
  const { table, versions, statuses } = counted;
  const ofStatus = statuses === undefined ? sql`` : sql` and status in (${sql.join([...statuses])})`;
  const where = sql`account = ${account} and region = ${region}${ofStatus}`;
  const rows =
    versions === undefined
      ? sql`select 1 from ${sql.table(table)} where ${where} limit ${most + 1}`
      : sql`
          select distinct ${sql.join(versions.map((column) => sql.ref(column)))}
          from ${sql.table(table)} where ${where} limit ${most + 1}`;
  const {
    rows: [found],
  } = await sql<{ count: number }>`select count(*) as count from (${rows}) as counted`.execute(db);
  if (Number(found!.count) > most) {
    throw serviceQuotaExceeded(
      `The account ${account} has reached its quota '${counted.quota}' of ${most} in ${region}. Quotas are set in ` +
        `config.yaml of the server's data directory.`,
    );
  }
}
