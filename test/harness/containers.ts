/** Container images made through the API, for tests of what happens to them afterwards. */
import {
  CreateContainerRecipeCommand,
  CreateImageCommand,
  CreateInfrastructureConfigurationCommand,
} from '@aws-sdk/client-imagebuilder';
import { connectionTo, ensureRepository } from './repositories.ts';
import type { TestServer } from './service.ts';

/** Parent image of the tests. */
export const CONTAINER_BASE = 'arn:aws:imagebuilder:us-east-1:aws:image/debian-12-slim/x.x.x';

/** An image to build. */
export interface TestContainer {
  readonly name: string;
  readonly template: string;
  /** Default: `CONTAINER_BASE`. */
  readonly parent?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** ARNs. */
  readonly components?: readonly string[];
  /** Default: `team/NAME`, which is created. */
  readonly repository?: string;
}

/** Creates an infrastructure configuration for container images. @returns its ARN */
export async function containerInfrastructure(server: TestServer): Promise<string> {
  const { infrastructureConfigurationArn } = await server.client.send(
    new CreateInfrastructureConfigurationCommand({ name: 'containers', instanceProfileName: 'ingot' }),
  );
  return infrastructureConfigurationArn!;
}

/** Creates a repository, a recipe and an image. @returns the image's ARN */
export async function createContainer(
  server: TestServer,
  infrastructureConfigurationArn: string,
  wanted: TestContainer,
): Promise<string> {
  const repositoryName = wanted.repository ?? `team/${wanted.name}`;
  if (wanted.repository === undefined) await ensureRepository(connectionTo(server), repositoryName);
  const { containerRecipeArn } = await server.client.send(
    new CreateContainerRecipeCommand({
      name: wanted.name,
      semanticVersion: '1.0.x',
      containerType: 'DOCKER',
      parentImage: wanted.parent ?? CONTAINER_BASE,
      dockerfileTemplateData: wanted.template,
      targetRepository: { service: 'ECR', repositoryName },
      components: wanted.components?.map((componentArn) => ({ componentArn })),
    }),
  );
  const { imageBuildVersionArn } = await server.client.send(
    new CreateImageCommand({
      containerRecipeArn,
      infrastructureConfigurationArn,
      ...(wanted.tags === undefined ? {} : { tags: { ...wanted.tags } }),
    }),
  );
  return imageBuildVersionArn!;
}
