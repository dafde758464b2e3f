/** The record of a stack while its resources are created, changed and deleted, so that the next run can continue. */
import {
  DeleteComponentCommand,
  DeleteContainerRecipeCommand,
  DeleteDistributionConfigurationCommand,
  DeleteImageCommand,
  DeleteImagePipelineCommand,
  DeleteImageRecipeCommand,
  DeleteInfrastructureConfigurationCommand,
  DeleteLifecyclePolicyCommand,
  DeleteWorkflowCommand,
  GetImageCommand,
  GetLifecycleExecutionCommand,
  StartResourceStateUpdateCommand,
  type ImagebuilderClient,
} from '@aws-sdk/client-imagebuilder';
import {
  MOST_EARLIER,
  type Stack,
  type StackExport,
  type StackOutput,
  type StackResource,
  type StackStatus,
} from '../../catalog/stacks.ts';
import type { Fault } from '../../documents/position.ts';
import { imagebuilderClient, RequestRefused, signedJson, type Connection } from '../../platform/api-client.ts';
import { until } from '../../platform/clock.ts';
import { patient } from '../../platform/patience.ts';
import { nameArn, parseArn } from '../../resources/arns.ts';
import type { Output } from '../../templates/template.ts';
import { exportsOf } from './template-file.ts';

/** Milliseconds in which the AMIs of an image are deleted. */
const DELETION_MS = 600_000;

/** A stack, or `undefined` if it does not exist. */
export async function findStack(connection: Connection, name: string): Promise<Stack | undefined> {
  try {
    return await signedJson<Stack>(connection, { method: 'GET', path: `/ingot/stacks/${encodeURIComponent(name)}` });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

/** Exports that were removed from the template but that other stacks import. */
export function exportsInUse(
  before: Stack | undefined,
  { outputs, allOutputs }: { readonly outputs: readonly Output[]; readonly allOutputs: boolean },
  exports: readonly StackExport[],
): readonly Fault[] {
  if (before === undefined || !allOutputs) return [];
  return exports.flatMap(({ name, stack, importedBy }) => {
    const next = outputs.find(({ exportName }) => exportName === name);
    if (stack !== before.name || importedBy.length === 0 || next !== undefined) return [];
    return [
      {
        code: 'export-in-use',
        severity: 'error' as const,
        position: { line: 1, column: 1 },
        path: 'Outputs',
        message: `Export ${name} cannot be deleted as it is in use by ${importedBy.join(', ')}.`,
      },
    ];
  });
}

/** The result of a deletion. */
export interface Deletion {
  readonly logicalId: string;
  readonly arn: string;
  /** Why it still exists. */
  readonly kept?: string;
}

/** A stack that is being deployed or deleted. */
export class StackRecord {
  readonly name: string;
  /** The record before this run. */
  readonly before: Stack | undefined;
  readonly #connection: () => Promise<Connection>;
  readonly #resources: Map<string, StackResource>;
  readonly #description: string | undefined;
  readonly #verb: 'CREATE' | 'UPDATE' | 'DELETE';
  #recorded = '';
  #stackId: string | undefined;

  /** @param connection called again each time, because the server may have exited meanwhile */
  constructor(
    name: string,
    before: Stack | undefined,
    connection: () => Promise<Connection>,
    description: string | undefined,
    verb?: 'DELETE',
  ) {
    this.name = name;
    this.before = before;
    this.#connection = connection;
    this.#resources = new Map((before?.resources ?? []).map((resource) => [resource.logicalId, resource]));
    this.#description = description;
    const complete =
      before !== undefined && (!before.status.startsWith('CREATE_') || before.status === 'CREATE_COMPLETE');
    this.#verb = verb ?? (complete ? 'UPDATE' : 'CREATE');
  }

  /** The number of its resources. */
  get size(): number {
    return this.#resources.size;
  }

  /** Its ARN, once it has begun. */
  get stackId(): string {
    return this.#stackId ?? this.before?.stackId ?? '';
  }

  get(logicalId: string): StackResource | undefined {
    return this.#resources.get(logicalId);
  }

  /**
   * Records a resource.
   * @param retain UpdateReplacePolicy: an earlier resource with another name is kept and leaves the stack
   */
  async set(resource: Omit<StackResource, 'earlier'>, retain = false): Promise<void> {
    const known = this.#resources.get(resource.logicalId);
    const earlier = [...(known?.earlier ?? []), ...(known === undefined ? [] : [known.physicalId])];
    const others = [...new Set(earlier)]
      .filter((arn) => arn !== resource.physicalId && !isImage(arn))
      .filter((arn) => !retain || baseOf(arn) === baseOf(resource.physicalId))
      .slice(-MOST_EARLIER);
    // In the order of creation: what was created again comes last.
    if (known !== undefined && known.physicalId !== resource.physicalId) this.#resources.delete(resource.logicalId);
    this.#resources.set(resource.logicalId, { ...resource, ...(others.length === 0 ? {} : { earlier: others }) });
    await this.#put(`${this.#verb}_IN_PROGRESS`);
  }

  /** Records that a change begins. */
  begin(): Promise<void> {
    return this.#put(`${this.#verb}_IN_PROGRESS`);
  }

  /** Records that the stack matches its template. @throws {RequestRefused} for exports in use or of another stack */
  complete(outputs: readonly StackOutput[], imports: readonly string[]): Promise<void> {
    return this.#put(this.#verb === 'CREATE' ? 'CREATE_COMPLETE' : 'UPDATE_COMPLETE', outputs, imports);
  }

  failed(): Promise<void> {
    return this.#put(`${this.#verb}_FAILED`);
  }

  async #put(status: StackStatus, outputs: readonly StackOutput[] = [], imports?: readonly string[]): Promise<void> {
    const body = {
      status,
      description: this.#description?.slice(0, 1024),
      resources: [...this.#resources.values()],
      outputs,
      ...(imports === undefined ? { keepImports: true } : { imports }),
    };
    const text = JSON.stringify(body);
    if (text === this.#recorded) return;
    const path = `/ingot/stacks/${encodeURIComponent(this.name)}`;
    const { stackId } = await signedJson<Stack>(await this.#connection(), { method: 'POST', path, body });
    this.#stackId = stackId;
    this.#recorded = text;
  }

  /**
   * Deletes resources that were removed from the template, dependents first; what is in use stays recorded.
   * @param wanted logical ids in the template
   */
  async cleanUp(wanted: ReadonlySet<string>): Promise<readonly Deletion[]> {
    const done: Deletion[] = [];
    const connection = await this.#connection();
    for (const resource of [...this.#resources.values()].toReversed()) {
      const { logicalId, physicalId, earlier = [], deletionPolicy = 'Delete' } = resource;
      const retained = deletionPolicy.startsWith('Retain');
      if (!wanted.has(logicalId)) {
        const deletions = retained
          ? [{ logicalId, arn: physicalId, kept: 'DeletionPolicy: Retain' }]
          : await deleteAll(connection, resource, [...earlier, physicalId]);
        done.push(...deletions);
        if (retained || !deletions.some(({ arn, kept }) => arn === physicalId && kept !== undefined))
          this.#resources.delete(logicalId);
        await this.#put(`${this.#verb}_IN_PROGRESS`);
        continue;
      }
      // Other versions may be what earlier images were built from; another name was removed from the template.
      const renamed = earlier.filter((arn) => baseOf(arn) !== baseOf(physicalId));
      if (renamed.length === 0) continue;
      const deletions = await deleteAll(connection, resource, renamed);
      done.push(...deletions);
      const gone = new Set(deletions.filter(({ kept }) => kept === undefined).map(({ arn }) => arn));
      const left = earlier.filter((arn) => !gone.has(arn));
      const { earlier: _earlier, ...rest } = resource;
      this.#resources.set(logicalId, { ...rest, ...(left.length === 0 ? {} : { earlier: left }) });
      await this.#put(`${this.#verb}_IN_PROGRESS`);
    }
    return done;
  }
}

/** Images of earlier builds do not belong to the stack: each build makes another one. */
function isImage(arn: string): boolean {
  return parseArn(arn)?.type === 'image';
}

/** Name and type of an ARN, without version and build. */
function baseOf(arn: string): string {
  const parsed = parseArn(arn);
  return parsed === undefined ? arn : nameArn(parsed);
}

/** Deletes ARNs, the latest first. */
async function deleteAll(
  connection: Connection,
  { logicalId, type, emptyOnDelete = false, deletionRole }: StackResource,
  arns: readonly string[],
): Promise<readonly Deletion[]> {
  const done: Deletion[] = [];
  const client = imagebuilderClient(connection);
  for (const arn of arns.toReversed()) {
    if (type === 'AWS::CloudFormation::Stack') {
      done.push(...(await deleteNested(connection, logicalId, arn)));
      continue;
    }
    try {
      if (type === 'AWS::SSM::Parameter')
        await signedJson(connection, { method: 'DELETE', path: `/ingot/parameters/${encodeURIComponent(arn)}` });
      else if (type === 'AWS::ECR::Repository')
        await (await import('./repositories.ts')).deleteRepository(connection, arn, emptyOnDelete);
      else {
        if (deletionRole !== undefined) await deleteOutputs(client, arn, deletionRole);
        await deleteResource(client, arn);
      }
      done.push({ logicalId, arn });
    } catch (error) {
      const { name, message, code } = error as Error & { readonly code?: unknown };
      // It was deleted meanwhile.
      if ([name, code].includes('ResourceNotFoundException')) done.push({ logicalId, arn });
      else if ((error as { $fault?: unknown }).$fault === undefined && name !== 'RequestRefused') throw error;
      else done.push({ logicalId, arn, kept: message });
    }
  }
  return done;
}

/**
 * Deletes the AMIs of an image and their snapshots, as its `DeletionSettings` say.
 * @throws {RequestRefused} if one stays
 */
async function deleteOutputs(client: ImagebuilderClient, arn: string, executionRole: string): Promise<void> {
  const { image } = await client.send(new GetImageCommand({ imageBuildVersionArn: arn }));
  if ((image?.outputResources?.amis ?? []).length === 0) return;
  const { lifecycleExecutionId } = await client.send(
    new StartResourceStateUpdateCommand({
      resourceArn: arn,
      state: { status: 'DELETED' },
      executionRole,
      includeResources: { amis: true, snapshots: true },
    }),
  );
  const state = await until(
    'the AMIs to be deleted',
    patient(DELETION_MS),
    async () => {
      const { lifecycleExecution } = await client.send(new GetLifecycleExecutionCommand({ lifecycleExecutionId }));
      const { status = '' } = lifecycleExecution?.state ?? {};
      return ['PENDING', 'IN_PROGRESS'].includes(status) ? undefined : lifecycleExecution?.state;
    },
    { everyMs: 200 },
  );
  if (state?.status !== 'SUCCESS')
    throw new RequestRefused('DeletionFailed', 200, `its AMIs are not deleted: ${state?.reason ?? state?.status}`);
}

/**
 * Deletes a nested stack: its resources, then its record.
 * @param stackId its ARN, so that another stack with its name is not deleted
 */
async function deleteNested(connection: Connection, logicalId: string, stackId: string): Promise<readonly Deletion[]> {
  const name = /:stack\/([^/]+)\//.exec(stackId)?.[1];
  const stack = name === undefined ? undefined : await findStack(connection, name);
  if (stack === undefined || stack.stackId !== stackId) return [{ logicalId, arn: stackId }];
  const kept = (reason: string): Deletion => ({ logicalId, arn: stackId, kept: reason });
  for (const { name: exported, stack: owner, importedBy } of await exportsOf(connection))
    if (owner === stack.name && importedBy.length > 0)
      return [kept(`Export ${exported} cannot be deleted as it is in use by ${importedBy.join(', ')}.`)];
  const record = new StackRecord(stack.name, stack, async () => connection, stack.description, 'DELETE');
  const deletions = (await record.cleanUp(new Set())).map((each) => ({
    ...each,
    logicalId: `${logicalId}.${each.logicalId}`,
  }));
  if (record.size > 0) {
    await record.failed();
    return [...deletions, kept('other resources depend on what is left in it')];
  }
  await signedJson(connection, { method: 'DELETE', path: `/ingot/stacks/${encodeURIComponent(stack.name)}` });
  return [...deletions, { logicalId, arn: stackId }];
}

async function deleteResource(client: ImagebuilderClient, arn: string): Promise<void> {
  switch (parseArn(arn)?.type) {
    case 'component':
      return void (await client.send(new DeleteComponentCommand({ componentBuildVersionArn: arn })));
    case 'container-recipe':
      return void (await client.send(new DeleteContainerRecipeCommand({ containerRecipeArn: arn })));
    case 'distribution-configuration':
      return void (await client.send(
        new DeleteDistributionConfigurationCommand({ distributionConfigurationArn: arn }),
      ));
    case 'image':
      return void (await client.send(new DeleteImageCommand({ imageBuildVersionArn: arn })));
    case 'image-pipeline':
      return void (await client.send(new DeleteImagePipelineCommand({ imagePipelineArn: arn })));
    case 'image-recipe':
      return void (await client.send(new DeleteImageRecipeCommand({ imageRecipeArn: arn })));
    case 'infrastructure-configuration':
      return void (await client.send(
        new DeleteInfrastructureConfigurationCommand({ infrastructureConfigurationArn: arn }),
      ));
    case 'lifecycle-policy':
      return void (await client.send(new DeleteLifecyclePolicyCommand({ lifecyclePolicyArn: arn })));
    case 'workflow':
      return void (await client.send(new DeleteWorkflowCommand({ workflowBuildVersionArn: arn })));
    default:
      return undefined;
  }
}
