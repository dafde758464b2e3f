/** `ingot run`. */
import { StartImagePipelineExecutionCommand } from '@aws-sdk/client-imagebuilder';
import { imagebuilderClient } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connectTo, dataDirectoryOf, regionOf } from './client.ts';
import type { Arguments, Command } from './command.ts';
import { imageTagsOf, withTags } from './deploy/image-tags.ts';
import { requireFitHost } from './fitness.ts';
import { resolveName } from './short-names.ts';
import { CANCELED_CODES, WATCH_OPTIONS, watching, watchImage } from './watch-image.ts';

export const runPipeline: Command = {
  usage: 'run [OPTIONS] PIPELINE',
  about: `
Runs an image pipeline and shows the build to its end, as \`ingot build\` does. PIPELINE is a name or an ARN;
\`ingot pipelines\` lists them.

Ctrl-C cancels the build.`,
  options: { ...WATCH_OPTIONS, ...CLIENT_OPTIONS },
  exitCodes: { 0: 'built', 1: 'failed', 2: 'usage error', ...CANCELED_CODES },
  examples: ['ingot run nginx'],
  positionals: ['PIPELINE'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const dataDirectory = dataDirectoryOf(args);
  const region = regionOf(args);
  return watching(args, dataDirectory, async (output, interrupt) => {
    const tags = imageTagsOf(args);
    await requireFitHost('build', dataDirectory);
    const connection = await connectTo(dataDirectory, region);
    const imagePipelineArn = await resolveName(async () => connection, args.positionals[0]!, {
      types: ['image-pipeline'],
      what: 'pipeline',
    });
    // Not aborted: a signal between the request and its response would leave an image that nothing cancels.
    interrupt.signal.throwIfAborted();
    const { imageBuildVersionArn } = await imagebuilderClient(connection).send(
      new StartImagePipelineExecutionCommand({ imagePipelineArn, ...withTags(undefined, tags) } as never),
    );
    const watcher = { dataDirectory, region, connection, output, interrupt };
    return (await watchImage(watcher, imageBuildVersionArn!)).exitCode;
  });
}
