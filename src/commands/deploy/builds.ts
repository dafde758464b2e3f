/** Components and workflows, whose versions get a new build if their content changes. */
import {
  CreateComponentCommand,
  CreateWorkflowCommand,
  GetComponentCommand,
  GetWorkflowCommand,
} from '@aws-sdk/client-imagebuilder';
import { formatArn } from '../../resources/arns.ts';
import { slug } from '../../resources/names.ts';
import { CommandFailed } from '../command.ts';
import { sendFile } from '../local-files/send.ts';
import { differences } from '../../templates/compare.ts';
import type { DeployContext, Deployed } from './context.ts';
import { arnOf, deployed, found, latestOf, syncTags, type Existing, type Request } from './existing.ts';
import { withText } from './files.ts';
import { packedComponent } from './packed.ts';

const COMPONENT_MEMBERS = ['data', 'platform', 'description', 'changeDescription', 'supportedOsVersions', 'kmsKeyId'];
const WORKFLOW_MEMBERS = ['data', 'type', 'description', 'changeDescription', 'kmsKeyId'];

export async function deployComponent(context: DeployContext, asked: Request): Promise<Deployed> {
  const { client, signal: abortSignal } = context;
  const { request, files, faults } = await packedComponent(context, asked);
  if (faults.length > 0) throw new CommandFailed(faults.map(({ message }) => message).join('\n'));
  const get = async (arn: string) =>
    (await client.send(new GetComponentCommand({ componentBuildVersionArn: arn }), { abortSignal })).component;
  return deployBuild(context, request, COMPONENT_MEMBERS, {
    get: () => get(arnOf(context, 'component', request, String(request['semanticVersion']))),
    create: async () => {
      for (const file of files) await sendFile(context.connection, file, abortSignal);
      const answer = await client.send(new CreateComponentCommand(request as never), { abortSignal });
      return answer.componentBuildVersionArn!;
    },
    attributes: async (arn) => ({ Encrypted: 'true', Type: (await get(arn))?.type ?? 'BUILD' }),
  });
}

export async function deployWorkflow(context: DeployContext, asked: Request): Promise<Deployed> {
  const { client, signal: abortSignal } = context;
  const request = await withText(context.folder, asked, 'uri', 'data');
  const type = String(request['type']);
  // The type is part of the ARN.
  const arn = formatArn({
    partition: 'aws',
    region: context.region,
    owner: context.account,
    type: 'workflow',
    workflowType: type.toLowerCase() as 'build' | 'test' | 'distribution',
    slug: slug(String(request['name'])),
  });
  return deployBuild(context, request, WORKFLOW_MEMBERS, {
    get: async () =>
      (
        await client.send(
          new GetWorkflowCommand({ workflowBuildVersionArn: `${arn}/${String(request['semanticVersion'])}` }),
          { abortSignal },
        )
      ).workflow,
    create: async () =>
      (await client.send(new CreateWorkflowCommand(request as never), { abortSignal })).workflowBuildVersionArn!,
    attributes: async () => ({ Type: type }),
  });
}

/** Components and workflows, whose versions get a new build if their content changes. */
async function deployBuild(
  context: DeployContext,
  request: Request,
  members: readonly string[],
  operations: {
    readonly get: () => Promise<Existing | undefined>;
    readonly create: () => Promise<string>;
    readonly attributes: (arn: string) => Promise<Readonly<Record<string, string>>>;
  },
): Promise<Deployed> {
  const existing = await found(operations.get());
  const done = async (arn: string, what: Deployed['what']): Promise<Deployed> =>
    deployed(arn, what, request, {
      Version: String(request['semanticVersion']),
      ...latestOf(arn),
      ...(await operations.attributes(arn)),
    });
  // The content at a URI may have changed: only the service knows.
  const same =
    existing !== undefined && request['uri'] === undefined && differences(request, existing, members).length === 0;
  if (!same) {
    try {
      return await done(await operations.create(), 'created');
    } catch (error) {
      if (existing === undefined || (error as Error).name !== 'ResourceAlreadyExistsException') throw error;
    }
  }
  const changed = await syncTags(context, existing!.arn!, request, existing!.tags);
  return done(existing!.arn!, changed ? 'updated' : 'unchanged');
}
