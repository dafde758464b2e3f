/** `ingot build`. */
import {
  CancelImageCreationCommand,
  GetImageCommand,
  StartImagePipelineExecutionCommand,
  type Image,
} from '@aws-sdk/client-imagebuilder';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { imagebuilderClient, signedJson, type Connection } from '../platform/api-client.ts';
import { sleep } from '../platform/clock.ts';
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
import type { DeployContext } from './deploy/context.ts';
import { createImage, deployResource, latestOf } from './deploy/deploy.ts';
import { keptParameters, usesKeptParameters } from './deploy/parameters.ts';
import { notMadeLine } from './deploy/not-made.ts';
import {
  humanOutput,
  jsonOutput,
  type AmiFile,
  type BuildOutput,
  type BuildResult,
  type KeptInstance,
} from './deploy/output.ts';
import { CLIENT_OPTIONS, connectTo, dataDirectoryOf, regionOf } from './client.ts';
import { CommandFailed, WrongUse, type Arguments, type Command } from './command.ts';
import { requireFitHost } from './fitness.ts';
import { followImage } from './follow.ts';
import type { InstanceDescription } from './instances.ts';
import { catchInterrupt, INTERRUPTED, type Interrupt } from './interrupt.ts';

export const build: Command = {
  usage: 'build [OPTIONS] TEMPLATE',
  about: `
Builds the images of a CloudFormation template (YAML or JSON). It creates or updates the AWS::ImageBuilder resources, then
builds each AWS::ImageBuilder::Image in turn. A template without an Image runs its pipelines instead. Unchanged resources
are left alone.

If no server is running on the data directory, the command starts one in the background. That server exits after a minute
without work.

Ctrl-C cancels the current build, cleans up and exits. A second Ctrl-C exits at once.`,
  options: {
    parameter: { value: 'NAME=VALUE', short: 'p', multiple: true, help: 'template parameter' },
    'stack-name': { value: 'NAME', help: 'value of AWS::StackName', default: "the template's name" },
    'no-cache': { help: 'run every component; use no cached layers' },
    cache: {
      help: "use cached layers up to 24 hours old (the default), overriding the template's tag ingot:layer-cache",
    },
    'cache-max-age': {
      value: 'DURATION',
      help: 'use cached layers no older than this, such as 90m or 7d',
      default: '24h',
    },
    'keep-on-failure': { help: 'keep the instance of a failed build or test for 4 hours, and print how to enter it' },
    'keep-for': { value: 'DURATION', help: 'keep it for this long instead, such as 90m or 2d', default: '4h' },
    json: { help: 'print progress records as JSON lines; the last line has "type":"result"' },
    ...CLIENT_OPTIONS,
  },
  exitCodes: {
    0: 'built',
    1: 'failed',
    2: 'usage error, including an invalid template',
    130: 'canceled with Ctrl-C',
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
  const output = args.flag('json')
    ? jsonOutput()
    : humanOutput(args.text('data') === undefined ? undefined : dataDirectory);
  const interrupt = catchInterrupt(() => output.note('interrupted: cancelling (once more leaves at once)'));
  try {
    const imageTags = imageTagsOf(args);
    const template = await readTemplate(args);
    const parameters = usesKeptParameters(template.text)
      ? await keptParameters(await connectTo(dataDirectory, region))
      : new Map<string, string>();
    const plan = await readPlan(args, template, dataDirectory, region, parameters);
    await requireFitHost('build', dataDirectory);
    const connection = await connectTo(dataDirectory, region);
    const { account } = await loadCredentials(dataDirectory);
    const client = imagebuilderClient(connection);
    const folder = dirname(args.positionals[0]!);
    const deploy = { client, region, account, connection, folder, signal: interrupt.signal };
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
  } catch (error) {
    if (interrupt.signal.aborted) {
      output.failed('interrupted');
      return INTERRUPTED;
    }
    if (error instanceof WrongUse) {
      if (!args.flag('json')) throw error;
      output.failed(error.message);
      return 2;
    }
    if (
      error instanceof CommandFailed ||
      (error as { $fault?: unknown }).$fault !== undefined ||
      (error as Error).name === 'RequestRefused'
    ) {
      output.failed((error as Error).message);
      return 1;
    }
    throw error;
  } finally {
    interrupt.release();
  }
}

interface TemplateFile {
  readonly path: string;
  readonly text: string;
}

async function readTemplate(args: Arguments): Promise<TemplateFile> {
  const path = args.positionals[0]!;
  try {
    return { path, text: await readFile(path, 'utf8') };
  } catch (error) {
    throw new WrongUse(
      `cannot read the template ${path}: ` +
        `${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : (error as Error).message}`,
    );
  }
}

/** The template with its parameters, judged before anything is made. */
async function readPlan(
  args: Arguments,
  { path, text }: TemplateFile,
  dataDirectory: string,
  region: string,
  kept: ReadonlyMap<string, string>,
): Promise<Plan> {
  const parameters = new Map<string, string>();
  for (const given of args.list('parameter')) {
    const split = /^([^=]+)=([^]*)$/.exec(given);
    if (split === null) throw new WrongUse(`invalid value '${given}' for --parameter: expected NAME=VALUE`);
    parameters.set(split[1]!, split[2]!);
  }
  try {
    const template = parseTemplate(text.replace(/^\ufeff/, ''));
    const { account } = await loadCredentials(dataDirectory);
    const stackName = args.text('stack-name') ?? stackNameOf(path);
    const pseudo = { region, accountId: account, partition: 'aws', stackName };
    return planTemplate(template, parameters, pseudo, { parameterValue: (name) => kept.get(name) });
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new WrongUse(
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
    throw new WrongUse(
      'nothing to build: the template needs an AWS::ImageBuilder::Image or an AWS::ImageBuilder::ImagePipeline',
    );
  const notMade = notMadeLine(run.plan);
  if (notMade !== undefined) run.output.note(notMade);
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

/** Follows a build to its end, cancelling it when the command is interrupted. */
async function watch(run: Run, arn: string, resource: PlannedResource): Promise<number> {
  const started = Date.now();
  run.output.begin(arn);
  const cancelled = new Promise<void>((done) => {
    const cancel = (): void => void cancelImage(run, arn).then(done, done);
    if (run.interrupt.signal.aborted) cancel();
    else run.interrupt.signal.addEventListener('abort', cancel, { once: true });
  });
  const reconnect = (): Promise<Connection> => connectTo(run.dataDirectory, run.region);
  // Not the interrupt's signal: how the cancelling goes is shown to its end.
  for await (const record of followImage(run.connection, arn, {
    follow: true,
    signal: new AbortController().signal,
    reconnect,
  }))
    run.output.record(record);
  if (run.interrupt.signal.aborted) await cancelled;

  const connection = await reconnect();
  const image = await finalImage(connection, arn);
  const status = image.state?.status ?? 'FAILED';
  const amis = status === 'AVAILABLE' ? await amisOf(connection, arn) : [];
  const kept = status === 'FAILED' ? await keptOf(connection, arn) : [];
  const result: BuildResult = {
    status,
    image: arn,
    amis,
    kept,
    seconds: Math.round((Date.now() - started) / 100) / 10,
    ...(image.state?.reason === undefined ? {} : { reason: image.state.reason }),
  };
  run.output.result(result);
  if (run.interrupt.signal.aborted) return INTERRUPTED;
  if (status !== 'AVAILABLE') return 1;
  const home = amis.find((ami) => ami.region === run.region) ?? amis[0];
  run.known.set(resource.logicalId, {
    ref: arn,
    attributes: {
      Arn: arn,
      Name: image.name ?? '',
      Version: image.version ?? '',
      ...latestOf(arn),
      ...(home === undefined ? {} : { ImageId: home.id }),
    },
  });
  return 0;
}

/** The log is written before the record changes, so that the record may be a moment behind. */
async function finalImage(connection: Connection, arn: string): Promise<Image> {
  const client = imagebuilderClient(connection);
  for (;;) {
    const image = (await client.send(new GetImageCommand({ imageBuildVersionArn: arn }))).image!;
    if (['AVAILABLE', 'FAILED', 'CANCELLED', 'DEPRECATED', 'DISABLED', 'DELETED'].includes(image.state?.status ?? ''))
      return image;
    await sleep(200);
  }
}

async function cancelImage(run: Run, arn: string): Promise<void> {
  await imagebuilderClient(run.connection).send(new CancelImageCreationCommand({ imageBuildVersionArn: arn } as never));
}

/** The instances that outlive a failed image. */
async function keptOf(connection: Connection, arn: string): Promise<readonly KeptInstance[]> {
  const { instances } = await signedJson<{ instances: readonly InstanceDescription[] }>(connection, {
    method: 'GET',
    path: '/ingot/instances',
  });
  return instances.flatMap(({ instanceId, image, state, purpose, keptUntil }) =>
    image === arn && state === 'running' && keptUntil !== undefined ? [{ instanceId, purpose, until: keptUntil }] : [],
  );
}

async function amisOf(connection: Connection, arn: string): Promise<readonly AmiFile[]> {
  const { amis } = await signedJson<{ amis: readonly AmiFile[] }>(connection, {
    method: 'GET',
    path: `/ingot/images/${encodeURIComponent(arn)}/amis`,
  });
  return amis.map(({ region, id, file }) => ({ region, id, file }));
}
