/** Images made through the SDK against a real server, in few words. */
import {
  CreateComponentCommand,
  CreateImageCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  CreateWorkflowCommand,
  GetImageCommand,
  type CreateImageCommandInput,
  type CreateImageRecipeCommandInput,
  type CreateInfrastructureConfigurationCommandInput,
  type Image,
  type ImageStatus,
} from '@aws-sdk/client-imagebuilder';
import { randomUUID } from 'node:crypto';
import { sleep } from '../../src/platform/clock.ts';
import { imageLog, type TestServer } from './service.ts';

/** The base image that the tests build on. */
export const PARENT = 'arn:aws:imagebuilder:us-east-1:aws:image/debian-12-x86/x.x.x';

const ENDED: readonly (ImageStatus | undefined)[] = ['AVAILABLE', 'FAILED', 'CANCELLED', 'DELETED'];

/** What to build. */
export interface TestImage {
  readonly name: string;
  /** Component documents in order; those that start with `arn:` are ARNs. */
  readonly components: readonly string[];
  readonly driver?: 'nspawn' | 'qemu';
  /** Default false: no virtual machine is booted. */
  readonly tests?: boolean;
  /** Workflow documents in place of the managed ones, by type. */
  readonly workflows?: Readonly<Partial<Record<'BUILD' | 'TEST' | 'DISTRIBUTION', string>>>;
  readonly parent?: string;
  /** More of its recipe. */
  readonly recipe?: Partial<CreateImageRecipeCommandInput>;
  readonly distributionConfigurationArn?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly terminateInstanceOnFailure?: boolean;
  /** More of its infrastructure configuration. */
  readonly infrastructure?: Partial<CreateInfrastructureConfigurationCommandInput>;
}

/** Creates what an image needs and the image; returns its ARN. */
export async function createTestImage(server: TestServer, wanted: TestImage): Promise<string> {
  const { client } = server;
  const components: { componentArn: string }[] = [];
  for (const [index, data] of wanted.components.entries()) {
    if (data.startsWith('arn:')) {
      components.push({ componentArn: data });
      continue;
    }
    const { componentBuildVersionArn } = await client.send(
      new CreateComponentCommand({
        name: `${wanted.name}-${index}`,
        semanticVersion: '1.0.0',
        platform: 'Linux',
        data,
        clientToken: randomUUID(),
      }),
    );
    components.push({ componentArn: componentBuildVersionArn! });
  }
  const { imageRecipeArn } = await client.send(
    new CreateImageRecipeCommand({
      name: wanted.name,
      semanticVersion: '1.0.x',
      parentImage: wanted.parent ?? PARENT,
      ...(components.length === 0 ? {} : { components }),
      ...wanted.recipe,
      clientToken: randomUUID(),
    }),
  );
  const { infrastructureConfigurationArn } = await client.send(
    new CreateInfrastructureConfigurationCommand({
      name: `${wanted.name}-${randomUUID().slice(0, 8)}`,
      instanceProfileName: 'ingot',
      instanceTypes: ['t3.small'],
      clientToken: randomUUID(),
      ...(wanted.terminateInstanceOnFailure === undefined
        ? {}
        : { terminateInstanceOnFailure: wanted.terminateInstanceOnFailure }),
      ...wanted.infrastructure,
      ...(wanted.driver ? { resourceTags: { 'ingot:driver': wanted.driver } } : {}),
    }),
  );
  const workflows: { workflowArn: string }[] = [];
  for (const [type, data] of Object.entries(wanted.workflows ?? {})) {
    const { workflowBuildVersionArn } = await client.send(
      new CreateWorkflowCommand({
        name: `${wanted.name}-${type.toLowerCase()}-${randomUUID().slice(0, 8)}`,
        semanticVersion: '1.0.0',
        type: type as 'BUILD',
        data,
        clientToken: randomUUID(),
      }),
    );
    workflows.push({ workflowArn: workflowBuildVersionArn! });
  }
  const request: CreateImageCommandInput = {
    imageRecipeArn,
    infrastructureConfigurationArn,
    clientToken: randomUUID(),
    imageTestsConfiguration: { imageTestsEnabled: wanted.tests ?? false },
    ...(workflows.length > 0 ? { workflows, executionRole: 'arn:aws:iam::123456789012:role/builder' } : {}),
    ...(wanted.tags ? { tags: wanted.tags } : {}),
    ...(wanted.distributionConfigurationArn
      ? { distributionConfigurationArn: wanted.distributionConfigurationArn }
      : {}),
  };
  const { imageBuildVersionArn } = await client.send(new CreateImageCommand(request));
  return imageBuildVersionArn!;
}

/** Waits until an image has one of these statuses, or is at its end. */
export async function waitForStatus(
  server: TestServer,
  arn: string,
  statuses: readonly ImageStatus[] = [],
): Promise<Image> {
  for (;;) {
    const { image } = await server.client.send(new GetImageCommand({ imageBuildVersionArn: arn }));
    const status = image!.state!.status;
    if (ENDED.includes(status) || statuses.includes(status!)) return image!;
    await sleep(100);
  }
}

/** Waits for an image's end and fails, with its log, unless that is `AVAILABLE`. */
export async function waitUntilAvailable(server: TestServer, arn: string): Promise<Image> {
  const image = await waitForStatus(server, arn);
  if (image.state?.status === 'AVAILABLE') return image;
  const log = await imageLog(server.dataDirectory, arn);
  throw new Error(
    `${arn} is ${image.state?.status}: ${image.state?.reason}\n${log
      .slice(-60)
      .map((record) => record.text)
      .join('\n')}`,
  );
}

/** The log's output lines of a component's steps. */
export async function outputOf(server: TestServer, arn: string): Promise<readonly string[]> {
  return (await imageLog(server.dataDirectory, arn))
    .filter(({ type, stream }) => type === 'output' && stream !== 'console')
    .map(({ text }) => text);
}
