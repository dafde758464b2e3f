/** `ingot build`. */
import { GetImageCommand, StartImagePipelineExecutionCommand } from '@aws-sdk/client-imagebuilder';
import { dirname } from 'node:path';
import { imagebuilderClient, type Connection } from '../platform/api-client.ts';
import { loadCredentials } from '../platform/credentials.ts';
import {
  resolveOutputs,
  resolveResource,
  TemplateError,
  type Plan,
  type PlannedResource,
  type ResourceAttributes,
} from '../templates/template.ts';
import { isInProgress, type ImageStatus } from '../resources/statuses.ts';
import type { StackOutput, StackResource } from '../catalog/stacks.ts';
import { imageTagsOf, withTags } from './deploy/image-tags.ts';
import type { DeployContext } from './deploy/context.ts';
import { createImage, deployResource } from './deploy/deploy.ts';
import { latestOf } from './deploy/existing.ts';
import { faultLines, checkTemplate, outputAttributes, type TemplateCheck } from './deploy/check-template.ts';
import { withIncluded, type TemplateContext } from './deploy/named-files.ts';
import { openNested } from './deploy/nested.ts';
import { withNewerMembers } from './deploy/newer-members.ts';
import { notMadeLine } from './deploy/not-made.ts';
import type { BuildOutput } from './deploy/output.ts';
import { exportsInUse, findStack, StackRecord } from './deploy/stack.ts';
import {
  asksServer,
  evaluateTemplate,
  givenBy,
  openTemplate,
  surroundingsOf,
  TEMPLATE_OPTIONS,
} from './deploy/template-file.ts';
import { CLIENT_OPTIONS, connectTo, dataDirectoryOf, regionOf } from './client.ts';
import { CommandFailed, type Arguments, type Command } from './command.ts';
import { requireFitHost } from './fitness.ts';
import type { Interrupt } from './interrupt.ts';
import { CANCELED_CODES, WATCH_OPTIONS, watching, watchImage } from './watch-image.ts';

export const build: Command = {
  usage: 'build [OPTIONS] TEMPLATE',
  about: `
Builds the images of a CloudFormation template (YAML or JSON). It creates or updates the AWS::ImageBuilder resources,
then builds each AWS::ImageBuilder::Image in turn. A template without an Image runs its pipelines instead; one without
either only makes its resources. Unchanged resources are left alone; those that an earlier run made and the template
no longer has are deleted. Outputs are printed and kept: \`ingot stacks\` lists them, and other templates import what
they export.

The template is validated first, as \`ingot validate\` does: nothing is made when it has a fault.

If no server is running on the data directory, the command starts one in the background. That server exits after a
minute without work.

Ctrl-C cancels the current build, cleans up and exits. A second Ctrl-C exits at once. SIGTERM, SIGHUP and a closed
output (such as that of \`| head\`) cancel it the same way.`,
  options: {
    ...TEMPLATE_OPTIONS,
    ...WATCH_OPTIONS,
    ...CLIENT_OPTIONS,
  },
  exitCodes: {
    0: 'built, or deployed when there is nothing to build',
    1: 'failed',
    2: 'usage error, including an invalid template',
    ...CANCELED_CODES,
  },
  examples: ['ingot build examples/nginx/template.yaml'],
  positionals: ['TEMPLATE'],
  run,
};

/** The state of one run of the command. */
interface Run {
  readonly dataDirectory: string;
  readonly region: string;
  readonly connection: Connection;
  readonly reconnect: () => Promise<Connection>;
  readonly deploy: DeployContext;
  readonly context: TemplateContext;
  /** Whether anything is built, including nested stacks. */
  readonly builds: boolean;
  /** Whether to run the pipelines, because the template has no image. */
  readonly pipelines: boolean;
  /** Nested stacks that were deployed so far. */
  readonly nested: { readonly run: Run; readonly outputs: readonly StackOutput[] }[];
  readonly plan: Plan;
  readonly record: StackRecord;
  /** Names of the exports that the template uses. */
  readonly imported: ReadonlySet<string>;
  readonly output: BuildOutput;
  readonly interrupt: Interrupt;
  /** Tags for each image, which override its own. */
  readonly imageTags: Readonly<Record<string, string>>;
  readonly known: Map<string, ResourceAttributes>;
}

async function run(args: Arguments): Promise<number> {
  const dataDirectory = dataDirectoryOf(args);
  const region = regionOf(args);
  return watching(args, dataDirectory, async (output, interrupt) => {
    const imageTags = imageTagsOf(args);
    const path = args.positionals[0]!;
    const opened = await openTemplate(path);
    const { account } = await loadCredentials(dataDirectory);
    const given = givenBy(args, path, { region, account });
    const file = await withIncluded(opened, { given, dataDirectory, files: [path] });
    // Faults of the template itself are also reported on a host that cannot build.
    const early = evaluateTemplate(file, given);
    const sound = early.faults.length === 0;
    if (!sound && !asksServer(early)) return refused(output, faultLines(path, early.faults));
    if (sound && toBuild(early.plan!).length > 0) await requireFitHost('build', dataDirectory);
    const connection = await connectTo(dataDirectory, region);
    const surroundings = await surroundingsOf(connection);
    const evaluated = evaluateTemplate(file, given, surroundings);
    const before = await findStack(connection, given.stackName);
    const fileRoot = args.text('file-root');
    const context = { given, surroundings, dataDirectory, fileRoot, files: [path] };
    const checked = await checkTemplate(connection, evaluated, context);
    const faults = faultLines(path, [
      ...checked.faults.filter(({ severity }) => severity === 'error'),
      ...exportsInUse(before, checked, surroundings.exports),
    ]);
    if (faults.length > 0) return refused(output, faults);
    // Some templates are valid only with values that the server has.
    const images = countOf(checked, 'AWS::ImageBuilder::Image');
    const builds = images > 0 || countOf(checked, 'AWS::ImageBuilder::ImagePipeline') > 0;
    if (builds && (!sound || toBuild(evaluated.plan!).length === 0)) await requireFitHost('build', dataDirectory);
    const client = withNewerMembers(imagebuilderClient(connection));
    const deploy = { client, region, account, connection, folder: dirname(path), fileRoot, signal: interrupt.signal };
    const reconnect = (): Promise<Connection> => connectTo(dataDirectory, region);
    return await deployAll({
      dataDirectory,
      region,
      context,
      reconnect,
      builds,
      pipelines: images === 0,
      nested: [],
      connection,
      deploy,
      plan: evaluated.plan!,
      record: new StackRecord(given.stackName, before, reconnect, file.template!.description),
      imported: evaluated.imported,
      output,
      interrupt,
      imageTags,
      known: new Map(),
    });
  });
}

/** Prints the faults of a template of which nothing was made. */
function refused(output: BuildOutput, faults: readonly string[]): number {
  output.failed(
    faults.length === 1 ? faults[0]! : [`${faults.length} faults; nothing was made:`, ...faults].join('\n'),
  );
  return 2;
}

/** The number of resources of a type, including nested stacks. */
function countOf({ resources }: TemplateCheck, type: string): number {
  return resources
    .map(({ resource, nested }) => (resource.type === type ? 1 : 0) + (nested ? countOf(nested.checked, type) : 0))
    .reduce((sum, each) => sum + each, 0);
}

/** What a plan builds: its images, or its pipelines if it has none. */
function toBuild({ resources }: Plan): readonly PlannedResource[] {
  const images = resources.filter(({ type }) => type === 'AWS::ImageBuilder::Image');
  return images.length > 0 ? images : resources.filter(({ type }) => type === 'AWS::ImageBuilder::ImagePipeline');
}

/** Deploys the template, builds, deletes removed resources, and records the outputs. */
async function deployAll(run: Run): Promise<number> {
  await run.record.begin();
  let outputs: readonly StackOutput[] = [];
  const code = await recorded(run.record, async () => {
    const built = await buildAll(run);
    if (built !== 0) return built;
    outputs = outputsOf(run);
    await cleanUp(run);
    await run.record.complete(outputs, [...run.imported]);
    return 0;
  });
  if (code === 0) run.output.deployed({ name: run.record.name, built: run.builds, outputs });
  return code;
}

/** Runs work on a stack, which fails unless the result is 0. @returns the result of the work */
async function recorded(record: StackRecord, work: () => Promise<number>): Promise<number> {
  let complete = false;
  try {
    const code = await work();
    complete = code === 0;
    return code;
  } finally {
    // The error that stopped the build is reported; a failure to record it matters less.
    if (!complete) await record.failed().catch(() => undefined);
  }
}

/** Deletes removed resources: in a nested stack after those that may need it, in the outer stack. */
async function cleanUp(run: Run): Promise<void> {
  const wanted = new Set(run.plan.resources.map(({ logicalId }) => logicalId));
  for (const { logicalId, arn, kept } of await run.record.cleanUp(wanted))
    run.output.note(kept === undefined ? `deleted   ${logicalId}: ${arn}` : `kept      ${logicalId}: ${arn}: ${kept}`);
  for (const { run: nested, outputs } of run.nested) {
    await cleanUp(nested);
    await nested.record.complete(outputs, [...nested.imported]);
  }
}

/** Deploys a nested stack. @returns the command's exit code */
async function deployNested(run: Run, resource: PlannedResource): Promise<number> {
  const connection = await run.reconnect();
  // The exports of earlier stacks in this run are known by now.
  const surroundings = await surroundingsOf(connection);
  const { file, context } = await openNested({ ...run.context, surroundings }, resource, requestFor(run, resource));
  if (file.plan === undefined || file.faults.length > 0)
    throw new CommandFailed(faultLines(file.path, file.faults).join('\n'));
  const { stackName } = context.given;
  const before = await findStack(connection, stackName);
  const record = new StackRecord(stackName, before, run.reconnect, file.template!.description);
  const deploy = { ...run.deploy, folder: dirname(file.path) };
  const { plan, imported } = file;
  const nested: Run = { ...run, context, deploy, plan, imported, record, known: new Map(), nested: [] };
  await record.begin();
  // Recorded in the outer stack at once, so that after a failed run the next run, or a deletion, finds it.
  await note(run, resource, record.stackId);
  return recorded(record, async () => {
    const code = await buildAll(nested);
    if (code !== 0) return code;
    const outputs = outputsOf(nested);
    await record.complete(outputs, [...imported]);
    run.nested.push({ run: nested, outputs });
    run.known.set(resource.logicalId, { ref: record.stackId, attributes: outputAttributes(outputs) });
    run.output.note(`${before === undefined ? 'created  ' : 'deployed '} ${resource.logicalId}: ${record.stackId}`);
    return 0;
  });
}

function outputsOf(run: Run): readonly StackOutput[] {
  try {
    return resolveOutputs(run.plan, run.known).map(({ position: _position, ...output }) => output);
  } catch (error) {
    if (error instanceof TemplateError) throw new CommandFailed(error.message);
    throw error;
  }
}

async function buildAll(run: Run): Promise<number> {
  const images = run.plan.resources.filter((resource) => resource.type === 'AWS::ImageBuilder::Image');
  const pipelines = run.plan.resources.filter((resource) => resource.type === 'AWS::ImageBuilder::ImagePipeline');
  const notMade = notMadeLine(run.plan);
  if (notMade !== undefined) run.output.note(notMade);
  // An image whose attributes another resource needs is built first; the other resources come before it, so that their
  // faults show early.
  const needed = new Set(run.plan.resources.flatMap((resource) => resource.needs));
  const last = images.filter((image) => !needed.has(image.logicalId));
  for (const resource of run.plan.resources) {
    if (last.includes(resource)) continue;
    if (resource.type === 'AWS::ImageBuilder::Image') {
      const code = await buildImage(run, resource);
      if (code !== 0) return code;
      continue;
    }
    if (resource.type === 'AWS::CloudFormation::Stack') {
      const code = await deployNested(run, resource);
      if (code !== 0) return code;
      continue;
    }
    const request = requestFor(run, resource);
    const { arn, what, answers } = await deployResource(run.deploy, resource, request);
    run.known.set(resource.logicalId, answers);
    await note(run, resource, resource.type === 'AWS::SSM::Parameter' ? answers.ref : arn, {
      ...(request['emptyOnDelete'] === true ? { emptyOnDelete: true } : {}),
    });
    run.output.note(`${what.padEnd(9)} ${resource.logicalId}: ${arn}`);
  }
  for (const image of last) {
    const code = await buildImage(run, image);
    if (code !== 0) return code;
  }
  if (!run.pipelines) return 0;
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

/** Records a resource. */
function note(
  { record }: Run,
  resource: PlannedResource,
  physicalId: string,
  more: Pick<StackResource, 'emptyOnDelete' | 'deletionRole'> = {},
): Promise<void> {
  const { logicalId, type, deletionPolicy, updateReplacePolicy = 'Delete' } = resource;
  const policy = deletionPolicy === undefined ? {} : { deletionPolicy };
  return record.set({ logicalId, type, physicalId, ...policy, ...more }, updateReplacePolicy.startsWith('Retain'));
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
  // This request is not aborted: a signal between the request and its response would leave an image that nothing
  // cancels.
  run.interrupt.signal.throwIfAborted();
  const request = requestFor(run, resource);
  const going = await stillBuilding(run, resource, request);
  if (going !== undefined) {
    run.output.note(`going on with the build that an interrupted run began: ${going}`);
    return watch(run, going, resource);
  }
  const arn = await createImage({ ...run.deploy, signal: new AbortController().signal }, resource, {
    ...request,
    ...withTags(request['tags'], run.imageTags),
  });
  const { executionRole } = (request['deletionSettings'] ?? {}) as { readonly executionRole?: string };
  await note(run, resource, arn, executionRole === undefined ? {} : { deletionRole: executionRole });
  return watch(run, arn, resource);
}

/** The image that an earlier run of this stack started and left, if it has the same recipe and is still being built. */
async function stillBuilding(
  run: Run,
  { logicalId }: PlannedResource,
  request: Readonly<Record<string, unknown>>,
): Promise<string | undefined> {
  const before = run.record.before;
  const arn = run.record.get(logicalId)?.physicalId;
  if (arn === undefined || before === undefined || before.status.endsWith('_COMPLETE')) return undefined;
  try {
    const { image } = await run.deploy.client.send(new GetImageCommand({ imageBuildVersionArn: arn }));
    const same =
      image?.imageRecipe?.arn === request['imageRecipeArn'] &&
      image?.containerRecipe?.arn === request['containerRecipeArn'] &&
      image?.infrastructureConfiguration?.arn === request['infrastructureConfigurationArn'] &&
      image?.distributionConfiguration?.arn === request['distributionConfigurationArn'];
    return same && isInProgress(image?.state?.status as ImageStatus) ? arn : undefined;
  } catch (error) {
    if ((error as Error).name === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

/**
 * Follows a build to its end, and records the attributes that other resources may refer to.
 * @returns the command's exit code
 */
async function watch(run: Run, arn: string, resource: PlannedResource): Promise<number> {
  const { exitCode, image, amis } = await watchImage(run, arn);
  if (exitCode !== 0) return exitCode;
  const home = amis.find((ami) => ami.region === run.region) ?? amis[0];
  const containers = image.outputResources?.containers ?? [];
  const uri = (containers.find(({ region }) => region === run.region) ?? containers[0])?.imageUris?.[0];
  run.known.set(resource.logicalId, {
    ref: arn,
    attributes: {
      Arn: arn,
      Name: image.name ?? '',
      Version: image.version ?? '',
      ...latestOf(arn),
      ...(home === undefined ? {} : { ImageId: home.id }),
      ...(uri === undefined ? {} : { ImageUri: uri }),
    },
  });
  return 0;
}
