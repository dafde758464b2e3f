/** Recipes, whose versions are immutable. */
import {
  CreateContainerRecipeCommand,
  CreateImageRecipeCommand,
  GetContainerRecipeCommand,
  GetImageRecipeCommand,
} from '@aws-sdk/client-imagebuilder';
import type { DryRunAnswer } from '../../api/dry-run/answers.ts';
import { signedJson } from '../../platform/api-client.ts';
import { differences } from '../../templates/compare.ts';
import { CommandFailed } from '../command.ts';
import type { DeployContext, Deployed } from './context.ts';
import { arnOf, deployed, found, latestOf, syncTags, type Existing, type Request } from './existing.ts';
import { withText } from './files.ts';

const RECIPE_MEMBERS = [
  'description',
  'components',
  'parentImage',
  'blockDeviceMappings',
  'workingDirectory',
  'additionalInstanceConfiguration',
  'amiTags',
  'amiWatermarks',
];
const CONTAINER_RECIPE_MEMBERS = [
  'containerType',
  'description',
  'components',
  'instanceConfiguration',
  'dockerfileTemplateData',
  'platformOverride',
  'parentImage',
  'workingDirectory',
  'targetRepository',
  'kmsKeyId',
];

/** Recipes, whose versions are immutable. */
async function deployVersion(
  context: DeployContext,
  request: Request,
  type: 'image-recipe' | 'container-recipe',
  members: readonly string[],
  operations: {
    readonly get: (arn: string) => Promise<Existing | undefined>;
    readonly create: () => Promise<string>;
  },
): Promise<Deployed> {
  const version = String(request['semanticVersion']);
  const open = version.includes('x');
  // In an ARN everything after an x is x; in a new version it may be 0.
  const nodes = version.split('.');
  const pattern = nodes.map((node, index) => (nodes.slice(0, index).includes('x') ? 'x' : node)).join('.');
  const existing = await found(operations.get(arnOf(context, type, request, pattern)));
  const different =
    existing === undefined
      ? []
      : request['dockerfileTemplateUri'] === undefined
        ? differences(request, existing, members)
        : await differencesByServer(context, request);
  if (existing !== undefined && different.length === 0) {
    const arn = existing.arn!;
    const changed = await syncTags(context, arn, request, existing.tags);
    const attributes = { Version: existing.version!, ...latestOf(arn) };
    return deployed(arn, changed ? 'updated' : 'unchanged', request, attributes);
  }
  if (existing !== undefined && !open) {
    throw new CommandFailed(
      `${type.replace('-', ' ')} ${existing.name} ${version} exists with different content ` +
        `(${different.join(', ')}), and versions are immutable. Use Version: ${version.replace(/\d+$/, 'x')} to ` +
        'create the next version on each change, or choose a new version',
    );
  }
  const arn = await operations.create();
  return deployed(arn, 'created', request, { Version: arn.slice(arn.lastIndexOf('/') + 1), ...latestOf(arn) });
}

/** For a container recipe whose template only the server can read. */
async function differencesByServer(context: DeployContext, request: Request): Promise<readonly string[]> {
  const { answers } = await signedJson<{ answers: readonly DryRunAnswer[] }>(context.connection, {
    method: 'POST',
    path: '/ingot/dry-run',
    body: { requests: [{ id: 'recipe', operation: 'CreateContainerRecipe', input: request }] },
  });
  return (answers[0]?.changes ?? []).filter((member) => member !== 'tags');
}

export function deployRecipe(context: DeployContext, request: Request): Promise<Deployed> {
  const { client, signal: abortSignal } = context;
  return deployVersion(context, request, 'image-recipe', RECIPE_MEMBERS, {
    get: async (imageRecipeArn) =>
      (await client.send(new GetImageRecipeCommand({ imageRecipeArn }), { abortSignal })).imageRecipe,
    create: async () =>
      (await client.send(new CreateImageRecipeCommand(request as never), { abortSignal })).imageRecipeArn!,
  });
}

export async function deployContainerRecipe(context: DeployContext, asked: Request): Promise<Deployed> {
  const { client, signal: abortSignal } = context;
  const request = await withText(context.folder, asked, 'dockerfileTemplateUri', 'dockerfileTemplateData');
  return deployVersion(context, request, 'container-recipe', CONTAINER_RECIPE_MEMBERS, {
    get: async (containerRecipeArn) => {
      const { containerRecipe } = await client.send(new GetContainerRecipeCommand({ containerRecipeArn }), {
        abortSignal,
      });
      // The response has the platform, whatever its source.
      const platformOverride = request['platformOverride'] === undefined ? undefined : containerRecipe?.platform;
      return containerRecipe === undefined ? undefined : { ...containerRecipe, platformOverride };
    },
    create: async () =>
      (await client.send(new CreateContainerRecipeCommand(request as never), { abortSignal })).containerRecipeArn!,
  });
}
