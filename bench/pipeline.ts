/**
 * What Ingot itself adds to a build of a pipeline: from `StartImagePipelineExecution` to the first command of a
 * component, and all the time in which neither an instance, a command nor a disk is at work. The tutorial's component,
 * without boot test; the server runs already.
 *   node bench/pipeline.ts [--runs N] [--json FILE]
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import {
  CreateImagePipelineCommand,
  CreateInfrastructureConfigurationCommand,
  StartImagePipelineExecutionCommand,
} from '@aws-sdk/client-imagebuilder';
import { randomUUID } from 'node:crypto';
import { parse } from 'yaml';
import { createTestImage, waitUntilAvailable } from '../test/harness/images.ts';
import { imageLog, startServer } from '../test/harness/service.ts';
import { NGINX_TEMPLATE, withDataDirectory } from './lib/build.ts';
import { spanTable, writeResults, type Span } from './lib/figures.ts';
import { describeHost, hostFacts, load } from './lib/host.ts';
import { engineSpans } from './lib/timeline.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' }, json: { type: 'string' } } });
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs takes a number from 1');

const host = await hostFacts([
  ['qemu-img', '--version'],
  ['systemd-nspawn', '--version'],
]);
process.stdout.write(`${describeHost(host)}\nload: ${load()}\n`);

const measured: (readonly Span[])[] = [];
await withDataDirectory(async (dataDirectory) => {
  const server = await startServer(dataDirectory);
  try {
    const { client } = server;
    // The template's component has parameters with defaults only.
    const template = parse(await readFile(NGINX_TEMPLATE, 'utf8'), { logLevel: 'silent' }) as {
      readonly Resources: { readonly NginxComponent: { readonly Properties: { readonly Data: string } } };
    };
    const first = await waitUntilAvailable(
      server,
      await createTestImage(server, {
        name: 'tutorial',
        components: [template.Resources.NginxComponent.Properties.Data],
        tags: { 'ingot:layer-cache': 'off' },
      }),
    );
    const { infrastructureConfigurationArn } = await client.send(
      new CreateInfrastructureConfigurationCommand({ name: 'bench', instanceProfileName: 'ingot' }),
    );
    const { imagePipelineArn } = await client.send(
      new CreateImagePipelineCommand({
        name: 'tutorial',
        imageRecipeArn: first.imageRecipe!.arn!,
        infrastructureConfigurationArn,
        imageTestsConfiguration: { imageTestsEnabled: false },
        imageTags: { 'ingot:layer-cache': 'off' },
      }),
    );
    for (let number = 1; number <= runs; number++) {
      const started = Date.now();
      const { imageBuildVersionArn } = await client.send(
        new StartImagePipelineExecutionCommand({
          imagePipelineArn,
          clientToken: randomUUID(),
          tags: { 'ingot:layer-cache': 'off' },
        }),
      );
      await waitUntilAvailable(server, imageBuildVersionArn!);
      const records = await imageLog(dataDirectory, imageBuildVersionArn!);
      measured.push(engineSpans({ started, ended: Date.parse(records.at(-1)!.time), records }));
    }
  } finally {
    await server.stop();
  }
});
process.stdout.write(`\n${spanTable(measured)}\n`);
process.stdout.write(`\nwritten to ${await writeResults('pipeline', { host, runs: measured }, values.json)}\n`);
