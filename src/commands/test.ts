/** `ingot test`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import {
  CreateComponentCommand,
  CreateImageCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  DeleteComponentCommand,
  DeleteImageCommand,
  DeleteImageRecipeCommand,
  DeleteInfrastructureConfigurationCommand,
  GetImageCommand,
  type ImagebuilderClient,
} from '@aws-sdk/client-imagebuilder';
import { imagebuilderClient } from '../platform/api-client.ts';
import { newUuid } from '../platform/ids.ts';
import { INGOT } from '../platform/own-program.ts';
import { parseArn } from '../resources/arns.ts';
import { CLIENT_OPTIONS, connectTo, dataDirectoryOf, regionOf } from './client.ts';
import { CommandFailed, WrongUse, type Arguments, type Command } from './command.ts';
import { imageTagsOf } from './deploy/image-tags.ts';
import { requireFitHost } from './fitness.ts';
import { TestCases } from './image-test/junit.ts';
import { resolveName } from './short-names.ts';
import { CANCELED_CODES, WATCH_OPTIONS, watching, watchImage } from './watch-image.ts';

const AMI_ID = /^ami-[0-9a-f]{8,17}$/;
/** Options of a build that tests do not have. */
const { 'no-cache': _noCache, cache: _cache, 'cache-max-age': _maxAge, ...WATCHED } = WATCH_OPTIONS;

export const testImage: Command = {
  usage: 'test [OPTIONS] IMAGE',
  about: `
Boots an image as a virtual machine and runs tests in it: the test phases of the image's own components, or of those
that you name. IMAGE is an AMI, or the name or ARN of an image. The image itself does not change.

The tests are an image of their own (\`test-…\`) with a test workflow. If they succeed, it is deleted. If they fail, it
stays: its log has their output and, with --debug, the journal and the serial console of the machine.`,
  options: {
    workflow: {
      short: 'w',
      value: 'ARN',
      multiple: true,
      help: 'test workflow to run; repeat it for several (default: test-image)',
    },
    component: {
      short: 'c',
      value: 'FILE',
      multiple: true,
      help: 'component document whose test phase runs; repeat it for several (default: the components of the image)',
    },
    junit: { value: 'FILE', help: 'write the steps to a JUnit XML file' },
    ...WATCHED,
    ...CLIENT_OPTIONS,
  },
  exitCodes: { 0: 'the tests succeeded', 1: 'a test failed', 2: 'usage error', ...CANCELED_CODES },
  examples: ['ingot test nginx', 'ingot test ami-0123456789abcdef0 --component smoke.yaml --junit test.xml'],
  positionals: ['IMAGE'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const dataDirectory = dataDirectoryOf(args);
  const region = regionOf(args);
  const files = args.list('component').map((path) => ({ path, data: readDocument(path) }));
  return watching(args, dataDirectory, async (output, interrupt) => {
    await requireFitHost('launch', dataDirectory);
    const connection = await connectTo(dataDirectory, region);
    const client = imagebuilderClient(connection);
    const subject = await subjectOf(client, args.positionals[0]!, async () => connection);
    const cases = new TestCases();
    const made: (() => Promise<unknown>)[] = [];
    try {
      const arn = await startTest(client, made, {
        ...subject,
        files,
        region,
        workflows: args.list('workflow'),
        tags: imageTagsOf(args),
        signal: interrupt.signal,
      });
      const watched = await watchImage(
        {
          dataDirectory,
          region,
          connection,
          interrupt,
          output: {
            ...output,
            record(record) {
              cases.add(record);
              output.record(record);
            },
          },
        },
        arn,
      );
      const junit = args.text('junit');
      if (junit !== undefined)
        writeFileSync(
          junit,
          cases.junit(watched.exitCode === 0 ? undefined : (watched.image.state?.reason ?? 'failed')),
        );
      if (watched.exitCode === 0) made.push(() => client.send(new DeleteImageCommand({ imageBuildVersionArn: arn })));
      // With --json, the result is the last line.
      if (!args.flag('json'))
        output.note(
          watched.exitCode === 0
            ? 'The tests passed; their image is deleted.'
            : `Journal and console of the machine: ${INGOT} logs --debug ${arn}`,
        );
      return watched.exitCode;
    } finally {
      for (const remove of made.toReversed()) await remove().catch(() => undefined);
    }
  });
}

function readDocument(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new WrongUse(`cannot read the component document ${path}: ${(error as Error).message}`);
  }
}

/** What is tested. */
interface Subject {
  readonly parentImage: string;
  /** Short name for what is made. */
  readonly name: string;
  /** ARNs of the image's own components. */
  readonly components: readonly { readonly componentArn: string; readonly parameter?: object[] }[];
}

async function subjectOf(
  client: ImagebuilderClient,
  text: string,
  connect: Parameters<typeof resolveName>[0],
): Promise<Subject> {
  if (AMI_ID.test(text)) return { parentImage: text, name: text, components: [] };
  const arn = await resolveName(connect, text, {
    types: ['image'],
    what: 'image',
    builds: ({ state }) => state?.status === 'AVAILABLE',
    buildWord: 'AVAILABLE',
  });
  const { image } = await client.send(new GetImageCommand({ imageBuildVersionArn: arn }));
  const ami = image?.outputResources?.amis?.[0]?.image;
  if (ami === undefined)
    throw new CommandFailed(
      image?.type === 'DOCKER'
        ? `${arn} is a container image; only images with an AMI can be tested by themselves`
        : `${arn} has no AMI to test`,
    );
  return {
    parentImage: ami,
    name: image!
      .name!.toLowerCase()
      .replaceAll(/[^a-z0-9-]+/g, '-')
      .slice(0, 80),
    components: (image!.imageRecipe?.components ?? []).map(({ componentArn, parameters }) => ({
      componentArn: componentArn!,
      ...(parameters === undefined ? {} : { parameters }),
    })),
  };
}

/** What a test is made of. */
interface Wanted extends Subject {
  readonly files: readonly { readonly path: string; readonly data: string }[];
  readonly workflows: readonly string[];
  readonly region: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Creates the image of the tests and what it needs.
 * @param made gets a function for each resource, which deletes it
 * @returns its ARN
 */
async function startTest(
  client: ImagebuilderClient,
  made: (() => Promise<unknown>)[],
  { parentImage, name, files, workflows, region, tags, signal, ...subject }: Wanted,
): Promise<string> {
  const own = `test-${name}-${newUuid().slice(0, 8)}`;
  const components = files.length === 0 ? [...subject.components] : [];
  for (const [index, { path, data }] of files.entries()) {
    const { componentBuildVersionArn } = await client.send(
      new CreateComponentCommand({
        name: `${own}-${index + 1}`,
        semanticVersion: '1.0.0',
        platform: 'Linux',
        description: `${basename(path)}, for ingot test`,
        data,
        clientToken: newUuid(),
      }),
    );
    components.push({ componentArn: componentBuildVersionArn! });
    made.push(() => client.send(new DeleteComponentCommand({ componentBuildVersionArn })));
  }
  const { imageRecipeArn } = await client.send(
    new CreateImageRecipeCommand({
      name: own,
      semanticVersion: '1.0.0',
      parentImage,
      ...(components.length === 0 ? {} : { components }),
      clientToken: newUuid(),
    }),
  );
  made.push(() => client.send(new DeleteImageRecipeCommand({ imageRecipeArn })));
  const { infrastructureConfigurationArn } = await client.send(
    new CreateInfrastructureConfigurationCommand({
      name: own,
      instanceProfileName: 'ingot-test',
      clientToken: newUuid(),
    }),
  );
  made.push(() => client.send(new DeleteInfrastructureConfigurationCommand({ infrastructureConfigurationArn })));
  // A signal between the request and its answer would leave an image that nothing cancels.
  signal.throwIfAborted();
  const managed = `arn:aws:imagebuilder:${region}:aws:workflow/test/test-image/x.x.x`;
  const { imageBuildVersionArn } = await client.send(
    new CreateImageCommand({
      imageRecipeArn,
      infrastructureConfigurationArn,
      workflows: (workflows.length === 0 ? [managed] : workflows).map((workflowArn) => ({ workflowArn })),
      executionRole: `arn:aws:iam::${parseArn(imageRecipeArn!)!.owner}:role/ingot-test`,
      imageTestsConfiguration: { imageTestsEnabled: true },
      enhancedImageMetadataEnabled: false,
      ...(Object.keys(tags).length === 0 ? {} : { tags }),
      clientToken: newUuid(),
    }),
  );
  return imageBuildVersionArn!;
}
