/** Images are planned once: what that costs, and that operations and the worker refuse the same. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  CreateComponentCommand,
  CreateDistributionConfigurationCommand,
  CreateImageCommand,
  CreateImagePipelineCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  CreateWorkflowCommand,
  GetImageCommand,
  StartImagePipelineExecutionCommand,
  type CreateImageCommandInput,
} from '@aws-sdk/client-imagebuilder';
import type { CommandRequest, CommandResult } from '../../src/instances/instance.ts';
import type { StepContext } from '../../src/workflows/actions/action.ts';
import type { TestApi } from './server.ts';

/**
 * Each text that was parsed, in order. The parsers say so themselves: a hook writes a line into them as they are
 * loaded.
 */
const parsed: string[] = [];
(globalThis as Record<string, unknown>)['ingotParsed'] = parsed;
registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!/\/src\/documents\/(component|workflow)\/parse\.ts$/.test(url)) return loaded;
    const source = String(loaded.source);
    const counting = source.replace(
      /(export function parse(?:Component|Workflow)Document\(text: string,[^{]*?(?:= \{\})?\): Parsed\w+ \{)/,
      '$1 globalThis.ingotParsed.push(text);',
    );
    assert.notEqual(counting, source, `${url} has another shape`);
    return { ...loaded, source: counting };
  },
});
const { ACCOUNT, DEBIAN, REGION, startApi } = await import('./server.ts');
const { runImage } = await import('../../src/workflows/stages/run-image.ts');
const { executeComponents } = await import('../../src/workflows/actions/execute-components.ts');
const { Secrets } = await import('../../src/secrets/secrets.ts');
const { planImage } = await import('../../src/workflows/planning/plan-image.ts');
const { DEFAULT_CONFIG } = await import('../../src/platform/config/config.ts');

let api: TestApi;
let infrastructureConfigurationArn: string;
before(async () => {
  api = await startApi();
  infrastructureConfigurationArn = (
    await api.client.send(new CreateInfrastructureConfigurationCommand({ name: 'web', instanceProfileName: 'p' }))
  ).infrastructureConfigurationArn!;
});
after(() => api.close());

let serial = 0;
const unique = (name: string): string => `${name}-${++serial}`;
const documentOf = (step: string): string =>
  `schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - ${step}\n`;
const shell = (line: string): string => documentOf(`{name: Run, action: ExecuteBash, inputs: {commands: ['${line}']}}`);

async function component(data: string): Promise<string> {
  const name = unique('c');
  const created = await api.client.send(
    new CreateComponentCommand({ name, semanticVersion: '1.0.0', platform: 'Linux', data }),
  );
  return created.componentBuildVersionArn!;
}

async function recipe(componentArns: readonly string[], more: { tags?: Record<string, string> } = {}): Promise<string> {
  const components = componentArns.length === 0 ? undefined : componentArns.map((componentArn) => ({ componentArn }));
  const name = unique('r');
  const created = await api.client.send(
    new CreateImageRecipeCommand({ name, semanticVersion: '1.0.0', parentImage: DEBIAN, components, ...more }),
  );
  return created.imageRecipeArn!;
}

const create = async (input: Omit<CreateImageCommandInput, 'infrastructureConfigurationArn' | 'clientToken'>) =>
  (await api.client.send(new CreateImageCommand({ infrastructureConfigurationArn, ...input }))).imageBuildVersionArn!;

const never = new AbortController().signal;
/** Works on an image as the worker does. @returns why it failed */
async function failure(arn: string): Promise<string> {
  await runImage({ catalog: api.catalog, dataDirectory: api.catalog.dataDirectory, arn, signal: never, over: never });
  return (await api.client.send(new GetImageCommand({ imageBuildVersionArn: arn }))).image!.state!.reason!;
}

const imageOf = async (arn: string) =>
  (await api.client.send(new GetImageCommand({ imageBuildVersionArn: arn }))).image!;

describe('each document of an image is parsed once', () => {
  test('by the operation that records it, and once more by the worker', async () => {
    const named = shell('echo named');
    const namedArn = await component(named);
    const data = [
      shell('echo one'),
      documentOf(`{name: Run, action: ExecuteDocument, inputs: {document: '${namedArn}'}}`),
      shell('echo {{ resolve:secretsmanager:absent }}'),
    ];
    const arns = await Promise.all(data.map(component));
    const flow =
      'schemaVersion: 1.0\nsteps:\n  - {name: Launch, action: LaunchInstance, inputs: {waitFor: ssmAgent}}\n';
    const { workflowBuildVersionArn } = await api.client.send(
      new CreateWorkflowCommand({ name: 'own', semanticVersion: '1.0.0', type: 'BUILD', data: flow }),
    );
    const imageRecipeArn = await recipe([...arns, namedArn]);
    const workflows = [{ workflowArn: workflowBuildVersionArn! }];
    parsed.length = 0;

    const arn = await create({ imageRecipeArn, workflows, executionRole: 'role' });

    const once = [...data, named, flow];
    const times = (): number[] => once.map((text) => parsed.filter((each) => each === text).length);
    assert.deepEqual(
      times(),
      once.map(() => 1),
      'in the API',
    );
    // And the managed workflow of distribution.
    assert.equal(parsed.length, once.length + 1);
    parsed.length = 0;

    assert.match(await failure(arn), /absent/);

    assert.deepEqual(
      times(),
      once.map(() => 1),
      'in the worker',
    );
    assert.equal(parsed.length, once.length + 1);
  });

  test('and never again by the steps that run it', async () => {
    const below = shell('echo below');
    const belowArn = await component(below);
    const test = (steps: string): string => documentOf(steps).replace('name: build', 'name: test');
    const run = `{name: Run, action: ExecuteDocument, inputs: {document: '${belowArn}', phases: build}}`;
    const top = test(`${run}\n      - ${run.replace('name: Run', 'name: Again')}`);
    const arn = await create({ imageRecipeArn: await recipe([await component(top)]) });
    parsed.length = 0;
    const image = await imageOf(arn);
    const request = { arn, image, region: REGION, account: ACCOUNT, catalog: api.catalog, config: DEFAULT_CONFIG };
    const { plan } = await planImage(request);
    const ran: string[] = [];
    const instance = {
      id: 'i-1',
      capabilities: { platform: 'Linux' },
      async run({ script }: CommandRequest): Promise<CommandResult> {
        if (script !== undefined) ran.push(script);
        return { exitCode: 0, signal: null, timedOut: false };
      },
    };

    const { status } = await executeComponents.run({
      plan,
      stage: 'TEST',
      execution: { workflowId: 'wf-1', position: 0 },
      progress: { instances: new Map([['i-1', { instance, componentsDone: 0 }]]) },
      services: {
        catalog: api.catalog,
        secrets: new Secrets({ providers: async () => [], account: ACCOUNT, region: REGION }),
      },
      inputs: { instanceId: 'i-1' },
      report: () => {},
      signal: never,
    } as unknown as StepContext);

    assert.equal(status, 'Success');
    // Behind the trap that says which command ended it.
    assert.deepEqual(
      ran.map((script) => script.replace(/^trap -- '.*' EXIT; /, '')),
      ['echo below\n', 'echo below\n'],
    );
    assert.deepEqual(
      [top, below].map((text) => parsed.filter((each) => each === text).length),
      [1, 1],
    );
  });

  test('since only the planner parses, and what runs later has parsed documents', () => {
    const root = fileURLToPath(new URL('../../src/', import.meta.url));
    const files = globSync('{runner,workflows,distribution,worker,storage}/**/*.ts', { cwd: root }).filter(
      (file) =>
        !file.endsWith('.test.ts') &&
        /\bparse(Component|Workflow)Document\b/.test(readFileSync(join(root, file), 'utf8')),
    );
    // What only a run can name: a path of the machine, an ARN that was computed.
    assert.deepEqual(files.sort(), ['runner/modules/execute-document.ts', 'workflows/planning/parsed-documents.ts']);
  });
});

describe('what is refused', () => {
  test('is refused by CreateImage and StartImagePipelineExecution, with the words of the worker', async () => {
    const imageRecipeArn = await recipe([]);
    for (const [tags, message] of [
      [{ 'ingot:keep-on-failure': 'yes' }, /invalid value 'yes' for tag ingot:keep-on-failure/],
      [{ 'ingot:layer-cache': 'maybe' }, /invalid value 'maybe' for tag ingot:layer-cache/],
    ] as const)
      await assert.rejects(create({ imageRecipeArn, tags }), { name: 'InvalidRequestException', message });

    const { distributionConfigurationArn } = await api.client.send(
      new CreateDistributionConfigurationCommand({
        name: 'encrypted',
        distributions: [{ region: REGION, amiDistributionConfiguration: { kmsKeyId: 'alias/nobody' } }],
      }),
    );
    const message =
      /distributions\[0\]\.amiDistributionConfiguration\.kmsKeyId: the key 'alias\/nobody' does not exist in eu-west-1/;
    await assert.rejects(create({ imageRecipeArn, distributionConfigurationArn }), {
      name: 'InvalidRequestException',
      message,
    });
    const { imagePipelineArn } = await api.client.send(
      new CreateImagePipelineCommand({
        name: 'encrypted',
        imageRecipeArn,
        infrastructureConfigurationArn,
        distributionConfigurationArn,
      }),
    );
    await assert.rejects(api.client.send(new StartImagePipelineExecutionCommand({ imagePipelineArn })), {
      name: 'InvalidRequestException',
      message,
    });
  });

  test('is what a newer version of a component makes of the parameters that a recipe gives', async () => {
    const name = unique('sized');
    const version = async (semanticVersion: string, parameters: string) => {
      const data = `${shell('echo {{ Size }}')}parameters:\n  - Size: ${parameters}\n`;
      await api.client.send(new CreateComponentCommand({ name, semanticVersion, platform: 'Linux', data }));
    };
    await version('1.0.0', '{type: string, default: small}');
    const componentArn = `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:component/${name}/1.x.x`;
    const { imageRecipeArn } = await api.client.send(
      new CreateImageRecipeCommand({
        name: unique('r'),
        semanticVersion: '1.0.0',
        parentImage: DEBIAN,
        components: [{ componentArn, parameters: [{ name: 'Size', value: ['huge'] }] }],
      }),
    );
    await create({ imageRecipeArn });
    await version('1.1.0', '{type: string, default: small, allowedValues: [small, large]}');
    await assert.rejects(create({ imageRecipeArn }), {
      message: /'Size' is 'huge', which is not among its allowedVal/,
    });
    const data = shell('echo {{ Amount }}') + 'parameters:\n  - Amount: {type: string}\n';
    await api.client.send(new CreateComponentCommand({ name, semanticVersion: '1.2.0', platform: 'Linux', data }));
    await assert.rejects(create({ imageRecipeArn }), {
      message: /'Amount' has no default and needs a value.*not defined in the provided component: Size/,
    });
  });

  test('has a code and a member, and all of it is said at once', async () => {
    const arn = await create({ imageRecipeArn: await recipe([await component(shell('echo here'))]) });
    const image = await imageOf(arn);
    const { components } = image.imageRecipe!;
    const { plan, refusals } = await planImage({
      arn,
      region: REGION,
      account: ACCOUNT,
      catalog: api.catalog,
      config: DEFAULT_CONFIG,
      image: {
        ...image,
        platform: 'Windows',
        tags: { 'ingot:keep-on-failure': 'yes', 'ingot:layer-cache': 'maybe' },
        imageRecipe: {
          ...image.imageRecipe,
          components: [
            ...components!,
            { componentArn: components![0]!.componentArn!.replace(/component\/[^/]+/, 'component/none') },
          ],
          blockDeviceMappings: [{ deviceName: '/dev/sda1', ebs: { encrypted: true, kmsKeyId: 'my key' } }],
        },
        workflows: [{ workflowArn: `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:workflow/build/none/x.x.x` }],
        distributionConfiguration: {
          timeoutMinutes: 60,
          distributions: [{ region: 'eu-west-1' }, { region: 'eu-west-1' }],
        },
      },
    });
    assert.equal(plan, undefined);
    assert.deepEqual(
      refusals.map(({ code, field }) => [code, field]),
      [
        ['encryption', 'imageRecipe.blockDeviceMappings[0].ebs.kmsKeyId'],
        ['keep', 'tags'],
        ['cache', 'tags'],
        ['distribution', 'distributionConfiguration.distributions[1].region'],
        ['component', 'imageRecipe.components[1]'],
        ['workflow', 'workflows[0]'],
      ],
    );
  });

  test('is checked again when the image begins: the configuration may have changed', async () => {
    const arn = await create({ imageRecipeArn: await recipe([]) });
    await writeFile(
      join(api.catalog.dataDirectory, 'config.yaml'),
      `instanceProfiles:\n  p:\n    accounts: ['210987654321']\n    role: r\n    credentials: {accessKeyId: a, ` +
        'secretAccessKey: b}\n',
    );
    assert.match(await failure(arn), /the instance profile 'p'/);
    await assert.rejects(create({ imageRecipeArn: await recipe([]) }), { name: 'AccessDeniedException' });
  });
});
