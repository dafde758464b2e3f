/** `ingot pipelines`. */
import { paginateListImagePipelines, type ImagePipeline } from '@aws-sdk/client-imagebuilder';
import { imagebuilderClient } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import type { Arguments, Command } from './command.ts';
import { ago, table } from './text.ts';

export const pipelines: Command = {
  usage: 'pipelines [OPTIONS]',
  about: 'Lists image pipelines: name, status, recipe, schedule and last run. `ingot run NAME` runs one.',
  options: {
    json: { help: 'print one JSON object per line: the ImagePipeline of the API' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot pipelines'],
  positionals: [],
  run,
};

async function run(args: Arguments): Promise<number> {
  const client = imagebuilderClient(await connect(args));
  const found: ImagePipeline[] = [];
  for await (const page of paginateListImagePipelines({ client }, {})) found.push(...(page.imagePipelineList ?? []));
  if (args.flag('json')) for (const pipeline of found) process.stdout.write(`${JSON.stringify(pipeline)}\n`);
  else process.stdout.write(pipelineTable(found, Date.now()));
  return 0;
}

/** The pipelines as a table for people. @param now milliseconds since 1970 */
export function pipelineTable(found: readonly ImagePipeline[], now: number): string {
  if (found.length === 0) return 'no pipelines\n';
  return table([
    ['PIPELINE', 'STATUS', 'RECIPE', 'SCHEDULE', 'LAST RUN'],
    ...found.map(({ arn = '', status = '', imageRecipeArn, containerRecipeArn, schedule, dateLastRun }) => [
      arn.replace(/^.*:image-pipeline\//, ''),
      status,
      (imageRecipeArn ?? containerRecipeArn ?? '').replace(/^.*:(?:image|container)-recipe\//, ''),
      schedule?.scheduleExpression ?? '-',
      dateLastRun === undefined ? 'never' : ago(dateLastRun, now),
    ]),
  ]);
}
