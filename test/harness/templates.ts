/** Templates, deployed to a server as `ingot build` does, but for their images. */
import { join } from 'node:path';
import type { DeployContext } from '../../src/commands/deploy/context.ts';
import { deployResource } from '../../src/commands/deploy/deploy.ts';
import { withIncluded } from '../../src/commands/deploy/named-files.ts';
import { withNewerMembers } from '../../src/commands/deploy/newer-members.ts';
import { keptParameters } from '../../src/commands/deploy/parameters.ts';
import { imagebuilderClient, type Connection } from '../../src/platform/api-client.ts';
import {
  parseTemplate,
  planTemplate,
  resolveOutputs,
  resolveResource,
  type ResourceAttributes,
} from '../../src/templates/template.ts';

/** What became of the resources, such as `Recipe created`, and the outputs by name. */
export interface DeployedTemplate {
  readonly what: readonly string[];
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * Deploys all that a template makes. An image is not built: it answers as a built one would.
 * @param folder of the files that the template names
 * @param exports of other stacks, by name
 */
export async function deployTemplate(
  connection: Connection,
  account: string,
  folder: string,
  text: string,
  exports: ReadonlyMap<string, string> = new Map(),
): Promise<DeployedTemplate> {
  const { region } = connection;
  const kept = await keptParameters(connection);
  const pseudo = { region, accountId: account, partition: 'aws', stackName: 'deploying' };
  const given = { parameters: new Map(), imports: new Map(), stackName: 'deploying', region, account };
  const files = [join(folder, 'template')];
  const file = { path: files[0]!, text, template: parseTemplate(text), faults: [] };
  const { template } = await withIncluded(file, { given, files, dataDirectory: folder });
  const plan = planTemplate(template!, new Map(), pseudo, {
    exportValue: (name) => exports.get(name),
    parameterValue: (name) => kept.get(name),
  });
  const client = withNewerMembers(imagebuilderClient(connection));
  const context: DeployContext = { client, region, account, connection, folder, signal: new AbortController().signal };
  const known = new Map<string, ResourceAttributes>();
  const what: string[] = [];
  for (const resource of plan.resources) {
    const request = resolveResource(plan, resource, known);
    if (resource.type === 'AWS::ImageBuilder::Image') {
      const arn = `arn:aws:imagebuilder:${region}:${account}:image/built/1.0.0/1`;
      known.set(resource.logicalId, {
        ref: arn,
        attributes: { Arn: arn, Name: 'built', ImageId: 'ami-0123456789abcdef0' },
      });
      what.push(`${resource.logicalId} image`);
      continue;
    }
    const deployed = await deployResource(context, resource, request);
    known.set(resource.logicalId, deployed.answers);
    what.push(`${resource.logicalId} ${deployed.what}`);
  }
  const outputs = Object.fromEntries(resolveOutputs(plan, known).map(({ name, value }) => [name, value]));
  return { what, outputs };
}
