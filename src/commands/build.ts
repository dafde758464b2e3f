/** `ingot build`. */
import { StartImagePipelineExecutionCommand } from '@aws-sdk/client-imagebuilder';
import { readFile } from 'node:fs/promises';
import { readUtf8 } from '../platform/utf8.ts';
import { basename, dirname, extname, resolve } from 'node:path';
import { imagebuilderClient, type Connection } from '../platform/api-client.ts';
import { loadCredentials } from '../platform/credentials.ts';
import {
  parseTemplate,
  planTemplate,
  resolveResource,
  TemplateError,
  type Plan,
  type PlannedResource,
  type ResourceAttributes,
} from '../templates/template.ts';
import { imageTagsOf, withTags } from './deploy/image-tags.ts';
import { createImage, deployResource, type DeployContext } from './deploy/deploy.ts';
import type { BuildOutput } from './deploy/output.ts';
import { CLIENT_OPTIONS, connectTo, dataDirectoryOf, regionOf } from './client.ts';
import { CommandFailed, InvalidInput, WrongUse, type Arguments, type Command } from './command.ts';
import { requireFitHost } from './fitness.ts';
import type { Interrupt } from './interrupt.ts';
import { WATCH_OPTIONS, watching, watchImage } from './watch-image.ts';

export const build: Command = {
  usage: 'build [OPTIONS] TEMPLATE',
  about: `
Builds the images of a CloudFormation template (YAML or JSON). It creates or updates the AWS::ImageBuilder resources, then
builds each AWS::ImageBuilder::Image in turn. A template without an Image runs its pipelines instead. Unchanged resources
are left alone.

If no server is running on the data directory, the command starts one in the background. That server exits after a minute
without work.

Ctrl-C cancels the current build, cleans up and exits. A second Ctrl-C exits at once. SIGTERM, SIGHUP and a closed output
(such as that of \`| head\`) cancel it the same way.`,
  options: {
    parameter: { value: 'NAME=VALUE', short: 'p', multiple: true, help: 'template parameter' },
    'stack-name': { value: 'NAME', help: 'value of AWS::StackName', default: "the template's name" },
    ...WATCH_OPTIONS,
    ...CLIENT_OPTIONS,
  },
  exitCodes: {
    0: 'built',
    1: 'failed',
    2: 'usage error, including an invalid template',
    130: 'canceled with Ctrl-C',
    141: 'canceled because its output was closed, as by `| head`',
    143: 'canceled with SIGTERM',
  },
  examples: ['ingot build examples/nginx/template.yaml'],
  positionals: ['TEMPLATE'],
  run,
};

/** All that one run of the command has. */
interface Run {
  readonly dataDirectory: string;
  readonly region: string;
  readonly connection: Connection;
  readonly deploy: DeployContext;
  readonly plan: Plan;
  readonly output: BuildOutput;
  readonly interrupt: Interrupt;
  /** Go to each image, over its own. */
  readonly imageTags: Readonly<Record<string, string>>;
  readonly known: Map<string, ResourceAttributes>;
}

async function run(args: Arguments): Promise<number> {
  const dataDirectory = dataDirectoryOf(args);
  const region = regionOf(args);
  return watching(args, dataDirectory, async (output, interrupt) => {
    const imageTags = imageTagsOf(args);
    const plan = await readPlan(args, dataDirectory, region);
    await requireFitHost('build', dataDirectory);
    const connection = await connectTo(dataDirectory, region);
    const { account } = await loadCredentials(dataDirectory);
    const client = imagebuilderClient(connection);
    const deploy = { client, region, account, signal: interrupt.signal };
    return await buildAll({
      dataDirectory,
      region,
      connection,
      deploy,
      plan,
      output,
      interrupt,
      imageTags,
      known: new Map(),
    });
  });
}

/** The template with its parameters, judged before anything is made. */
async function readPlan(args: Arguments, dataDirectory: string, region: string): Promise<Plan> {
  const path = args.positionals[0]!;
  let text: string;
  try {
    text = readUtf8(await readFile(path));
  } catch (error) {
    throw new WrongUse(
      `cannot read the template ${path}: ` +
        `${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : (error as Error).message}`,
    );
  }
  const parameters = new Map<string, string>();
  for (const given of args.list('parameter')) {
    const split = /^([^=]+)=([^]*)$/.exec(given);
    if (split === null) throw new WrongUse(`invalid value '${given}' for --parameter: expected NAME=VALUE`);
    parameters.set(split[1]!, split[2]!);
  }
  try {
    const template = parseTemplate(text.replace(/^\ufeff/, ''));
    const { account } = await loadCredentials(dataDirectory);
    return planTemplate(template, parameters, {
      region,
      accountId: account,
      partition: 'aws',
      stackName: args.text('stack-name') ?? stackNameOf(path),
    });
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new InvalidInput(
      error.message
        .split('\n')
        .map((line) => `${path}:${line}`)
        .join('\n       '),
    );
  }
}

/**
 * The file's name, or its folder's when the file is called just template; in the characters that a stack's name has.
 */
function stackNameOf(path: string): string {
  const name = basename(path, extname(path)).replace(/\.template$/, '');
  const telling = name === 'template' ? basename(dirname(resolve(path))) : name;
  return telling.replace(/[^A-Za-z0-9-]+/g, '-').replace(/^[^A-Za-z]+/, '') || 'stack';
}

async function buildAll(run: Run): Promise<number> {
  const images = run.plan.resources.filter((resource) => resource.type === 'AWS::ImageBuilder::Image');
  const pipelines = run.plan.resources.filter((resource) => resource.type === 'AWS::ImageBuilder::ImagePipeline');
  if (images.length === 0 && pipelines.length === 0)
    throw new InvalidInput(
      'nothing to build: the template needs an AWS::ImageBuilder::Image or an AWS::ImageBuilder::ImagePipeline',
    );
  // An image whose answers another resource needs is built in its turn; the rest of the resources come first, so that
  // their faults show early.
  const needed = new Set(run.plan.resources.flatMap((resource) => resource.needs));
  const last = images.filter((image) => !needed.has(image.logicalId));
  for (const resource of run.plan.resources) {
    if (last.includes(resource)) continue;
    if (resource.type === 'AWS::ImageBuilder::Image') {
      const code = await buildImage(run, resource);
      if (code !== 0) return code;
      continue;
    }
    const { arn, what, answers } = await deployResource(run.deploy, resource, requestFor(run, resource));
    run.known.set(resource.logicalId, answers);
    run.output.note(`${what.padEnd(9)} ${resource.logicalId}: ${arn}`);
  }
  for (const image of last) {
    const code = await buildImage(run, image);
    if (code !== 0) return code;
  }
  if (images.length > 0) return 0;
  for (const pipeline of pipelines) {
    const answer = await run.deploy.client.send(
      new StartImagePipelineExecutionCommand({
        imagePipelineArn: run.known.get(pipeline.logicalId)!.ref,
        ...withTags(undefined, run.imageTags),
      } as never),
    );
    const code = await watch(run, answer.imageBuildVersionArn!, pipeline);
    if (code !== 0) return code;
  }
  return 0;
}

function requestFor(run: Run, resource: PlannedResource): ReturnType<typeof resolveResource> {
  try {
    return resolveResource(run.plan, resource, run.known);
  } catch (error) {
    if (error instanceof TemplateError) throw new CommandFailed(error.message);
    throw error;
  }
}

async function buildImage(run: Run, resource: PlannedResource): Promise<number> {
  // A signal between the request and its answer must not leave an image that nobody cancels, so this request is not
  // aborted.
  run.interrupt.signal.throwIfAborted();
  const request = requestFor(run, resource);
  const arn = await createImage({ ...run.deploy, signal: new AbortController().signal }, resource, {
    ...request,
    ...withTags(request['tags'], run.imageTags),
  });
  return watch(run, arn, resource);
}

/** Follows a build to its end, and keeps what other resources may refer to. @returns the command's exit code */
async function watch(run: Run, arn: string, resource: PlannedResource): Promise<number> {
  const { exitCode, image, amis } = await watchImage(run, arn);
  if (exitCode !== 0) return exitCode;
  const home = amis.find((ami) => ami.region === run.region) ?? amis[0];
  run.known.set(resource.logicalId, {
    ref: arn,
    attributes: {
      Arn: arn,
      Name: image.name ?? '',
      Version: image.version ?? '',
      ...(home === undefined ? {} : { ImageId: home.id }),
    },
  });
  return 0;
}
