/** `AWS::ECR::Repository` of templates. */
import {
  CreateRepositoryCommand,
  DeleteLifecyclePolicyCommand,
  DeleteRepositoryCommand,
  DeleteRepositoryPolicyCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  GetLifecyclePolicyCommand,
  GetRepositoryPolicyCommand,
  ListTagsForResourceCommand,
  PutImageScanningConfigurationCommand,
  PutImageTagMutabilityCommand,
  PutLifecyclePolicyCommand,
  SetRepositoryPolicyCommand,
  TagResourceCommand,
  UntagResourceCommand,
  type ImageTagMutability,
  type Repository,
} from '@aws-sdk/client-ecr';
import { endpointOf, type Connection } from '../../platform/api-client.ts';
import { parseRepositoryArn } from '../../resources/repositories.ts';
import { tagChanges } from '../../templates/compare.ts';
import { stateChanges, stateOf, wantedRepository, type RepositoryState } from '../../templates/repository.ts';
import type { DeployContext, Deployed } from './context.ts';
import type { Request } from './existing.ts';

function clientOf(connection: Connection): ECRClient {
  return new ECRClient({
    endpoint: endpointOf(connection),
    region: connection.region,
    credentials: connection.credentials,
  });
}

/** Makes a repository, or changes the one that has the name. */
export async function deployRepository(context: DeployContext, request: Request): Promise<Deployed> {
  const { connection, signal: abortSignal } = context;
  const client = clientOf(connection);
  const wanted = wantedRepository(request);
  const { name: repositoryName, settings, repositoryPolicyText, lifecyclePolicyText, tags } = wanted;
  const sending = { abortSignal };
  try {
    const existing = await orNone('RepositoryNotFoundException', () =>
      client.send(new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }), sending),
    );
    let repository = existing?.repositories?.[0];
    const made = repository === undefined;
    if (repository === undefined)
      ({ repository } = await client.send(
        new CreateRepositoryCommand({
          repositoryName,
          ...(settings as object),
          encryptionConfiguration: wanted.encryptionConfiguration as never,
          tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        }),
        sending,
      ));
    const { repositoryArn = '', repositoryUri = '' } = repository!;
    const before = await stateOfExisting(client, repository!, abortSignal);
    const changes = stateChanges(stateOf(wanted), before);
    const changed = (member: string): boolean => changes.includes(member);
    if (changed('imageTagMutability') || changed('imageTagMutabilityExclusionFilters'))
      await client.send(
        new PutImageTagMutabilityCommand({
          repositoryName,
          imageTagMutability: settings.imageTagMutability as ImageTagMutability,
          imageTagMutabilityExclusionFilters: settings.imageTagMutabilityExclusionFilters as never,
        }),
        sending,
      );
    if (changed('imageScanningConfiguration'))
      await client.send(
        new PutImageScanningConfigurationCommand({
          repositoryName,
          imageScanningConfiguration: settings.imageScanningConfiguration,
        }),
        sending,
      );
    if (changed('repositoryPolicyText'))
      await (repositoryPolicyText === undefined
        ? client.send(new DeleteRepositoryPolicyCommand({ repositoryName }), sending)
        : client.send(new SetRepositoryPolicyCommand({ repositoryName, policyText: repositoryPolicyText }), sending));
    if (changed('lifecyclePolicy'))
      await (lifecyclePolicyText === undefined
        ? client.send(new DeleteLifecyclePolicyCommand({ repositoryName }), sending)
        : client.send(new PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText }), sending));
    if (changed('tags')) {
      const { set, remove } = tagChanges(tags, before['tags'] as Record<string, string>);
      const added = Object.entries(set).map(([Key, Value]) => ({ Key, Value: String(Value) }));
      if (remove.length > 0)
        await client.send(new UntagResourceCommand({ resourceArn: repositoryArn, tagKeys: [...remove] }), sending);
      if (added.length > 0)
        await client.send(new TagResourceCommand({ resourceArn: repositoryArn, tags: added }), sending);
    }
    return {
      arn: repositoryArn,
      what: made ? 'created' : changes.length > 0 ? 'updated' : 'unchanged',
      answers: { ref: repositoryName, attributes: { Arn: repositoryArn, RepositoryUri: repositoryUri } },
    };
  } finally {
    client.destroy();
  }
}

async function stateOfExisting(
  client: ECRClient,
  repository: Repository,
  abortSignal: AbortSignal,
): Promise<RepositoryState> {
  const { repositoryName, repositoryArn } = repository;
  const sending = { abortSignal };
  const policy = await orNone('RepositoryPolicyNotFoundException', () =>
    client.send(new GetRepositoryPolicyCommand({ repositoryName }), sending),
  );
  const lifecycle = await orNone('LifecyclePolicyNotFoundException', () =>
    client.send(new GetLifecyclePolicyCommand({ repositoryName }), sending),
  );
  const { tags = [] } = await client.send(new ListTagsForResourceCommand({ resourceArn: repositoryArn }), sending);
  return {
    imageTagMutability: repository.imageTagMutability,
    imageTagMutabilityExclusionFilters: repository.imageTagMutabilityExclusionFilters,
    imageScanningConfiguration: repository.imageScanningConfiguration,
    repositoryPolicyText: policy?.policyText,
    lifecyclePolicy: lifecycle?.lifecyclePolicyText,
    tags: Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value])),
  };
}

/**
 * Deletes a repository of a stack.
 * @param force with its images
 * @throws the service's error, as for one that has images and does not go with them
 */
export async function deleteRepository(connection: Connection, arn: string, force: boolean): Promise<void> {
  const client = clientOf(connection);
  try {
    const name = parseRepositoryArn(arn)?.name ?? arn;
    await orNone('RepositoryNotFoundException', () =>
      client.send(new DeleteRepositoryCommand({ repositoryName: name, force })),
    );
  } finally {
    client.destroy();
  }
}

async function orNone<T>(name: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if ((error as Error).name === name) return undefined;
    throw error;
  }
}
