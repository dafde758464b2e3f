/** The catalogue: all records of Ingot, in one database of the data directory. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { Kysely, type Transaction } from 'kysely';
import { timestamp } from '../platform/clock.ts';
import type { NameSettings } from '../platform/config/names.ts';
import { sqliteDialect } from './database.ts';
import { loadManaged, type ManagedImage, type ManagedRegister } from './managed.ts';
import * as resources from './migrations/0001-resources.ts';
import * as engine from './migrations/0002-engine.ts';
import * as resourcePolicies from './migrations/0003-resource-policies.ts';
import * as workflowsAndContainers from './migrations/0004-workflows-and-containers.ts';
import * as principals from './migrations/0005-principals.ts';
import * as waitsAndStates from './migrations/0006-waits-and-states.ts';
import * as keptInstances from './migrations/0007-kept-instances.ts';
import * as imports from './migrations/0008-imports.ts';
import * as imageSummaries from './migrations/0009-image-summaries.ts';
import * as workedOnAlone from './migrations/0010-worked-on-alone.ts';
import * as stacks from './migrations/0011-stacks.ts';
import * as parameters from './migrations/0012-parameters.ts';
import * as keptFiles from './migrations/0013-kept-files.ts';
import * as pipelineSchedules from './migrations/0016-pipeline-schedules.ts';
import * as lifecycleSchedules from './migrations/0017-lifecycle-schedules.ts';
import * as events from './migrations/0020-events.ts';
import * as parameterVersions from './migrations/0025-parameter-versions.ts';
import * as sharedAmis from './migrations/0026-shared-amis.ts';
import * as containerOutputs from './migrations/0030-container-outputs.ts';
import * as logGroups from './migrations/0035-log-groups.ts';
import * as logShipments from './migrations/0036-log-shipments.ts';
import * as unknownMembers from './migrations/0038-unknown-members.ts';
import * as suspendedImages from './migrations/0039-suspended-images.ts';
import * as changedByHand from './migrations/0040-changed-by-hand.ts';
import * as buildQueue from './migrations/0041-build-queue.ts';
import * as foreignIds from './migrations/0042-foreign-ids.ts';
import * as containerOutputsByLayer from './migrations/0044-container-outputs-by-layer.ts';
import * as containerLayers from './migrations/0045-container-layers.ts';
import * as repositories from './migrations/0046-repositories.ts';
import * as workPoints from './migrations/0050-work-points.ts';
import * as layerDigests from './migrations/0053-layer-digests.ts';
import * as snapshotsOnAws from './migrations/0054-snapshots-on-aws.ts';
import * as amiReasons from './migrations/0055-ami-reasons.ts';
import * as receiverConfirmations from './migrations/0056-receiver-confirmations.ts';
import * as tracePosition from './migrations/0060-trace-position.ts';
import * as repositoryLifecycles from './migrations/0063-repository-lifecycles.ts';
import * as keys from './migrations/0066-keys.ts';
import * as pipelineRules from './migrations/0070-pipeline-rules.ts';
import type { Tables } from './tables.ts';
import { groupedTransactions } from './transactions.ts';
import { dataPath } from '../platform/data-layout.ts';

/** An open catalogue. */
export interface Catalog {
  readonly dataDirectory: string;
  /** For single queries. Inside a transaction, use its own handle. */
  readonly db: Kysely<Tables>;
  /** The key for page tokens: created with the database, so that tokens outlive the server. */
  readonly pageTokenKey: KeyObject;
  /** Managed resources: components, workflows, base images. */
  readonly managed: ManagedRegister;
  /** Runs a transaction, exclusively. Keep it short: wait for nothing but queries. */
  transaction<T>(work: (trx: Transaction<Tables>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Anything that can run queries: the catalogue's `db` or a transaction. */
export type Queryable = Kysely<Tables>;

const PAGE_TOKENS = 'page tokens';

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly up: (db: Kysely<unknown>) => Promise<void>;
}

const migrations: readonly Migration[] = [
  { number: 1, name: 'resources', up: resources.up },
  { number: 2, name: 'engine', up: engine.up },
  { number: 3, name: 'resource policies', up: resourcePolicies.up },
  { number: 4, name: 'workflows and containers', up: workflowsAndContainers.up },
  { number: 5, name: 'principals', up: principals.up },
  { number: 6, name: 'waits and states', up: waitsAndStates.up },
  { number: 7, name: 'kept instances', up: keptInstances.up },
  { number: 8, name: 'imports', up: imports.up },
  { number: 9, name: 'image summaries', up: imageSummaries.up },
  { number: 10, name: 'worked on alone', up: workedOnAlone.up },
  { number: 11, name: 'stacks', up: stacks.up },
  { number: 12, name: 'parameters', up: parameters.up },
  { number: 13, name: 'kept files', up: keptFiles.up },
  { number: 16, name: 'pipeline schedules', up: pipelineSchedules.up },
  { number: 17, name: 'lifecycle schedules', up: lifecycleSchedules.up },
  { number: 20, name: 'events', up: events.up },
  { number: 25, name: 'parameter versions', up: parameterVersions.up },
  { number: 26, name: 'shared AMIs', up: sharedAmis.up },
  { number: 30, name: 'container outputs', up: containerOutputs.up },
  { number: 35, name: 'log groups', up: logGroups.up },
  { number: 36, name: 'log shipments', up: logShipments.up },
  { number: 38, name: 'unknown members', up: unknownMembers.up },
  { number: 39, name: 'suspended images', up: suspendedImages.up },
  { number: 40, name: 'changed by hand', up: changedByHand.up },
  { number: 41, name: 'build queue', up: buildQueue.up },
  { number: 42, name: 'foreign ids', up: foreignIds.up },
  { number: 44, name: 'container outputs by layer', up: containerOutputsByLayer.up },
  { number: 45, name: 'container layers', up: containerLayers.up },
  { number: 46, name: 'repositories', up: repositories.up },
  { number: 50, name: 'work points', up: workPoints.up },
  { number: 53, name: 'layer digests', up: layerDigests.up },
  { number: 54, name: 'snapshots on AWS', up: snapshotsOnAws.up },
  { number: 55, name: 'AMI reasons', up: amiReasons.up },
  { number: 56, name: 'receiver confirmations', up: receiverConfirmations.up },
  { number: 60, name: 'trace position', up: tracePosition.up },
  { number: 63, name: 'lifecycles of repositories', up: repositoryLifecycles.up },
  { number: 66, name: 'keys', up: keys.up },
  { number: 70, name: 'pipeline rules', up: pipelineRules.up },
];

/**
 * Opens the catalogue of a data directory; creates or upgrades its database.
 * @param options.managedImages base images that can be made here, as registered by the images module
 * @param options.names the meaning of names, from the owner's configuration
 * @param options.managedFolder directory of the managed documents (default: the one that comes with Ingot)
 * @throws if a newer Ingot wrote the database, or a managed document is invalid
 */
export async function openCatalog(
  dataDirectory: string,
  options: {
    readonly managedImages?: readonly ManagedImage[];
    readonly names?: NameSettings;
    readonly managedFolder?: string;
  } = {},
): Promise<Catalog> {
  const managed = loadManaged(options.managedImages ?? [], options.managedFolder, options.names);
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const db = new Kysely<Tables>({ dialect: sqliteDialect(dataPath(dataDirectory, 'catalog')) });
  const transaction = groupedTransactions(db);
  try {
    await transaction(migrate);
    const { value } = await db
      .selectFrom('secrets')
      .select('value')
      .where('name', '=', PAGE_TOKENS)
      .executeTakeFirstOrThrow();
    return {
      dataDirectory,
      db,
      pageTokenKey: createSecretKey(value, 'hex'),
      managed,
      transaction,
      close: () => db.destroy(),
    };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

async function migrate(trx: Transaction<Tables>): Promise<void> {
  await trx.schema
    .createTable('migrations')
    .ifNotExists()
    .addColumn('number', 'integer', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('applied', 'text', (c) => c.notNull())
    .execute();
  const applied = (await trx.selectFrom('migrations').select('number').execute()).map(({ number }) => number);
  const last = Math.max(0, ...applied);
  const known = migrations.at(-1)!.number;
  if (last > known)
    throw new Error(`a newer Ingot wrote this database (schema ${last}); this one knows schemas up to ${known}`);
  for (const { number, name, up } of migrations) {
    // Each is checked, because migrations that were written in parallel may arrive in any order.
    if (applied.includes(number)) continue;
    await up(trx as unknown as Kysely<unknown>);
    await trx.insertInto('migrations').values({ number, name, applied: timestamp() }).execute();
  }
}
