/**
 * Terraform with the AWS provider, against a real server, by nothing but the environment that `ingot env` prints:
 * `examples/terraform`, which builds an image on the real engine, `test/data/terraform`, which has every member of
 * every resource, and `test/data/terraform-uris`, which names documents in S3 and what AWS manages.
 *
 * The provider comes from where `TF_CLI_CONFIG_FILE` says. Where it names no file that is there, `INGOT_TF_PLUGINS` may
 * name a folder with the provider, laid out as a file system mirror; with neither, Terraform fetches it from its
 * registry.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  DeleteComponentCommand,
  DeleteContainerRecipeCommand,
  DeleteDistributionConfigurationCommand,
  DeleteImageCommand,
  DeleteImagePipelineCommand,
  DeleteImageRecipeCommand,
  DeleteInfrastructureConfigurationCommand,
  DeleteLifecyclePolicyCommand,
  DeleteWorkflowCommand,
  GetImageCommand,
  ListComponentsCommand,
  ListContainerRecipesCommand,
  ListDistributionConfigurationsCommand,
  ListImagePipelinesCommand,
  ListImageRecipesCommand,
  ListImagesCommand,
  ListInfrastructureConfigurationsCommand,
  ListLifecyclePoliciesCommand,
  ListWorkflowsCommand,
  type ImagebuilderClient,
} from '@aws-sdk/client-imagebuilder';
import { findProgram } from '../../src/platform/files.ts';
import type { RunResult } from '../../src/platform/processes.ts';
import { run } from '../harness/processes.ts';
import { s3Server, type S3Server } from '../harness/s3-server.ts';
import { PROJECT, startServer } from '../harness/service.ts';
import { beginOnDirectory, endOnServer, type ServerSuite } from '../harness/suite.ts';

const TIMEOUT_MS = 900_000;
/** How each kind is deleted behind Terraform's back, each before what it depends on. */
const DELETE: Readonly<Record<string, (client: ImagebuilderClient, arn: string) => Promise<unknown>>> = {
  aws_imagebuilder_lifecycle_policy: (client, arn) =>
    client.send(new DeleteLifecyclePolicyCommand({ lifecyclePolicyArn: arn })),
  aws_imagebuilder_image_pipeline: (client, arn) =>
    client.send(new DeleteImagePipelineCommand({ imagePipelineArn: arn })),
  aws_imagebuilder_image: (client, arn) => client.send(new DeleteImageCommand({ imageBuildVersionArn: arn })),
  aws_imagebuilder_workflow: (client, arn) => client.send(new DeleteWorkflowCommand({ workflowBuildVersionArn: arn })),
  aws_imagebuilder_image_recipe: (client, arn) => client.send(new DeleteImageRecipeCommand({ imageRecipeArn: arn })),
  aws_imagebuilder_container_recipe: (client, arn) =>
    client.send(new DeleteContainerRecipeCommand({ containerRecipeArn: arn })),
  aws_imagebuilder_infrastructure_configuration: (client, arn) =>
    client.send(new DeleteInfrastructureConfigurationCommand({ infrastructureConfigurationArn: arn })),
  aws_imagebuilder_distribution_configuration: (client, arn) =>
    client.send(new DeleteDistributionConfigurationCommand({ distributionConfigurationArn: arn })),
  aws_imagebuilder_component: (client, arn) =>
    client.send(new DeleteComponentCommand({ componentBuildVersionArn: arn })),
};

const DOCUMENT =
  'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: Run\n        action: ExecuteBash\n' +
  "        inputs:\n          commands: ['true']\n";
const WORKFLOW =
  'name: in-s3\nschemaVersion: 1.0\nsteps:\n  - name: Launch\n    action: LaunchInstance\n    inputs: ' +
  '{waitFor: ssmAgent}\n';
const DOCKERFILE =
  'FROM {{{ imagebuilder:parentImage }}}\n{{{ imagebuilder:environments }}}\n{{{ imagebuilder:components }}}\n';
const TEXTS = { 'component.yaml': DOCUMENT, 'workflow.yaml': WORKFLOW, Dockerfile: DOCKERFILE };
const S3_USER = { accessKeyId: 'AKIDTERRAFORM', secretAccessKey: 'of-s3' };

/** Resources and data sources that the provider has. */
interface ProviderSchema {
  readonly resource_schemas: Readonly<Record<string, unknown>>;
  readonly data_source_schemas: Readonly<Record<string, unknown>>;
}
interface StateResource {
  readonly address: string;
  readonly mode: 'managed' | 'data';
  readonly type: string;
  readonly name: string;
  readonly values: Readonly<Record<string, unknown>>;
}
interface PlannedChange {
  readonly address: string;
  readonly mode: 'managed' | 'data';
  readonly change: { readonly actions: readonly string[]; readonly importing?: { readonly id: string } };
}

/** A configuration in a folder of its own. */
class Configuration {
  readonly #folder: string;
  readonly #environment: () => Record<string, string>;

  constructor(folder: string, environment: () => Record<string, string>) {
    this.#folder = folder;
    this.#environment = environment;
  }

  async terraform(command: string, args: readonly string[] = [], okCodes: readonly number[] = [0]): Promise<RunResult> {
    const result = await run(['terraform', command, ...args], {
      cwd: this.#folder,
      env: this.#environment(),
      okCodes: 'any',
      timeoutMs: TIMEOUT_MS,
      maxCapture: 64 << 20,
    });
    assert.ok(
      okCodes.includes(result.code ?? -1),
      `terraform ${command} ended with ${result.code}:\n${result.stdout.slice(-8000)}\n${result.stderr}`,
    );
    return result;
  }

  async apply(variables: readonly string[] = []): Promise<void> {
    await this.terraform('apply', ['-auto-approve', '-input=false', '-no-color', ...variables]);
  }

  /** What a plan would change; that of data sources left out. */
  async plan(variables: readonly string[] = []): Promise<readonly PlannedChange[]> {
    await this.terraform('plan', ['-input=false', '-no-color', '-out=plan', ...variables]);
    const { resource_changes: changes = [] } = JSON.parse((await this.terraform('show', ['-json', 'plan'])).stdout) as {
      resource_changes?: readonly PlannedChange[];
    };
    return changes.filter(({ mode }) => mode === 'managed');
  }

  async assertNothingToDo(variables: readonly string[] = []): Promise<void> {
    const { code, stdout } = await this.terraform(
      'plan',
      ['-input=false', '-no-color', '-detailed-exitcode', ...variables],
      [0, 2],
    );
    assert.equal(code, 0, `the plan is not empty:\n${stdout}`);
  }

  async state(): Promise<readonly StateResource[]> {
    const { values } = JSON.parse((await this.terraform('show', ['-json'])).stdout) as {
      values?: { root_module: { resources?: readonly StateResource[] } };
    };
    return values?.root_module.resources ?? [];
  }

  async managed(): Promise<readonly StateResource[]> {
    return (await this.state()).filter(({ mode }) => mode === 'managed');
  }

  /** Forgets everything and imports it by its ARN: the plan must import all and change nothing. */
  async importAll(variables: readonly string[]): Promise<void> {
    const resources = await this.managed();
    await this.terraform('state', ['rm', ...resources.map(({ address }) => address)]);
    const file = join(this.#folder, 'import.tf');
    writeFileSync(
      file,
      resources
        .map(({ address, values }) => `import {\n  to = ${address}\n  id = ${JSON.stringify(values['arn'])}\n}\n`)
        .join('\n'),
    );
    const planned = await this.plan(variables);
    assert.deepEqual(
      planned.filter(({ change }) => change.importing === undefined).map(({ address }) => address),
      [],
      'these would be made anew',
    );
    // Attributes that the API does not tell come from the configuration, as the provider documents.
    const changed = planned
      .filter(({ change }) => change.actions.join() !== 'no-op')
      .map(({ address, change }) => `${address}: ${change.actions.join()}`);
    assert.deepEqual(
      changed,
      NOT_TOLD.filter((address) => planned.some((each) => each.address === address)).map(
        (address) => `${address}: update`,
      ),
    );
    await this.apply(variables);
    rmSync(file);
    await this.assertNothingToDo(variables);
  }
}

/** What an import leaves to be changed in the state alone: `skip_destroy` is no part of a component. */
const NOT_TOLD = ['aws_imagebuilder_component.kept'];

const found = findProgram('terraform') !== undefined;
if (!found)
  test('Terraform', {
    skip: 'there is no terraform command here (https://developer.hashicorp.com/terraform/install)',
  }, () => {});

describe('Terraform with the AWS provider', { skip: !found }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-terraform-'));
  let suite: ServerSuite;
  let s3: S3Server;
  let example: Configuration;
  let everything: Configuration;
  const kinds = new Set<string>();
  const environment = (): Record<string, string> => {
    const { endpoint, credentials } = suite.server;
    const given = process.env['TF_CLI_CONFIG_FILE'];
    const plugins = process.env['INGOT_TF_PLUGINS'];
    const cliConfig = given !== undefined && existsSync(given) ? given : join(folder, 'terraformrc');
    if (cliConfig !== given)
      writeFileSync(
        cliConfig,
        plugins === undefined
          ? ''
          : `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(plugins)}\n  }\n}\n`,
      );
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      CHECKPOINT_DISABLE: '1',
      TF_IN_AUTOMATION: '1',
      TF_CLI_CONFIG_FILE: cliConfig,
      AWS_ENDPOINT_URL_IMAGEBUILDER: endpoint,
      AWS_ENDPOINT_URL_STS: endpoint,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_REGION: 'us-east-1',
    };
  };
  const place = async (name: string, from: string): Promise<Configuration> => {
    const target = join(folder, name);
    mkdirSync(target);
    cpSync(join(PROJECT, from), target, { recursive: true });
    const configuration = new Configuration(target, environment);
    await configuration.terraform('init', ['-input=false', '-no-color']);
    return configuration;
  };
  before(async () => {
    const directory = await beginOnDirectory();
    s3 = await s3Server(S3_USER);
    for (const [key, text] of Object.entries(TEXTS)) s3.objects.set(`documents/${key}`, Buffer.from(text));
    writeFileSync(
      join(directory.dataDirectory, 'config.yaml'),
      `instanceProfiles: {documents: {credentials: ${JSON.stringify(S3_USER)}, endpoints: {s3: '${s3.endpoint}'}}}\n` +
        'uriProfiles: [documents]\n' +
        'parentImages: {amazon-linux-2-x86: debian-12-x86}\n',
    );
    suite = { ...directory, server: await startServer(directory.dataDirectory) };
    example = await place('example', 'examples/terraform');
    everything = await place('everything', 'test/data/terraform');
  });
  after(async () => {
    await endOnServer(suite);
    await s3.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A configuration's whole life; the first variables make it, the second change it. */
  const live = (name: string, of: () => Configuration, first: readonly string[], second: readonly string[]): void => {
    describe(name, () => {
      test('is made, and there is nothing left to do', async () => {
        await of().apply(first);
        for (const { mode, type } of await of().state()) kinds.add(`${mode} ${type}`);
        await of().assertNothingToDo(first);
      });
      test('is changed in place', async () => {
        const changes = (await of().plan(second)).filter(({ change }) => change.actions.join() !== 'no-op');
        assert.ok(changes.length > 0);
        assert.deepEqual(
          changes.filter(({ change }) => change.actions.join() !== 'update').map(({ address }) => address),
          [],
        );
        await of().apply(second);
        await of().assertNothingToDo(second);
      });
      test('is imported by its ARNs', () => of().importAll(second));
      test('is created again when it was deleted behind its back', async () => {
        const before = await of().managed();
        for (const [kind, remove] of Object.entries(DELETE)) {
          for (const { values } of before.filter(({ type }) => type === kind))
            await remove(suite.server.client, String(values['arn']));
        }
        const planned = await of().plan(second);
        assert.deepEqual(
          planned.map(({ address, change }) => `${address}: ${change.actions.join()}`).sort(),
          before.map(({ address }) => `${address}: create`).sort(),
        );
        await of().apply(second);
        await of().assertNothingToDo(second);
      });
      test('is destroyed', async () => {
        await of().terraform('destroy', ['-auto-approve', '-input=false', '-no-color', ...second]);
        assert.deepEqual(await of().state(), []);
      });
    });
  };

  live('every member of every resource', () => everything, [], ['-var=text=second', '-var=more=true']);

  test('leaves what it should keep, and nothing else', async () => {
    const { client } = suite.server;
    const lists = await Promise.all([
      client.send(new ListComponentsCommand({})).then((answer) => answer.componentVersionList),
      client.send(new ListWorkflowsCommand({})).then((answer) => answer.workflowVersionList),
      client.send(new ListImageRecipesCommand({})).then((answer) => answer.imageRecipeSummaryList),
      client.send(new ListContainerRecipesCommand({})).then((answer) => answer.containerRecipeSummaryList),
      client
        .send(new ListInfrastructureConfigurationsCommand({}))
        .then((answer) => answer.infrastructureConfigurationSummaryList),
      client
        .send(new ListDistributionConfigurationsCommand({}))
        .then((answer) => answer.distributionConfigurationSummaryList),
      client.send(new ListImagePipelinesCommand({})).then((answer) => answer.imagePipelineList),
      client.send(new ListLifecyclePoliciesCommand({})).then((answer) => answer.lifecyclePolicySummaryList),
      client.send(new ListImagesCommand({})).then((answer) => answer.imageVersionList),
    ]);
    const left = lists.flatMap((list) => (list ?? []).map(({ arn }) => String(arn)));
    assert.deepEqual(left, ['arn:aws:imagebuilder:us-east-1:123456789012:component/kept/1.0.0']);
  });

  // The boot test under emulation takes minutes and is shown elsewhere: the image is built and distributed, and not
  // booted.
  live(
    'the example',
    () => example,
    ['-var=boot_tests=false'],
    ['-var=boot_tests=false', '-var=team=other', '-var=keep_images=3'],
  );

  describe('documents in S3, and names that AWS manages', () => {
    let uris: Configuration;
    before(async () => {
      uris = await place('uris', 'test/data/terraform-uris');
    });
    const bucket = ['-var=bucket=documents'];

    test('are made, and there is nothing left to do', async () => {
      await uris.apply(bucket);
      await uris.assertNothingToDo(bucket);
      const outputs = JSON.parse((await uris.terraform('output', ['-json'])).stdout) as Record<
        'texts' | 'image',
        { readonly value: Readonly<Record<string, unknown>> }
      >;
      assert.deepEqual(outputs.texts.value, { component: DOCUMENT, workflow: WORKFLOW, dockerfile: DOCKERFILE });
      const { build, version, date, outputs: count } = outputs.image.value;
      assert.match(String(build), /:aws:image\/amazon-linux-2-x86\/\d+\.\d+\.\d+\/\d+$/);
      assert.match(String(version), /^\d+\.\d+\.\d+\/\d+$/);
      assert.match(String(date), /^\d{4}-\d\d-\d\dT/);
      assert.equal(count, 1);
    });
    test('are destroyed', async () => {
      await uris.terraform('destroy', ['-auto-approve', '-input=false', '-no-color', ...bucket]);
      assert.deepEqual(await uris.state(), []);
    });
  });

  test('has run every resource and data source of Image Builder that the provider has', async () => {
    const { provider_schemas: providers } = JSON.parse(
      (await example.terraform('providers', ['schema', '-json'])).stdout,
    ) as { provider_schemas: Record<string, ProviderSchema> };
    const [schema] = Object.values(providers);
    const known = [
      ...Object.keys(schema!.resource_schemas).map((type) => `managed ${type}`),
      ...Object.keys(schema!.data_source_schemas).map((type) => `data ${type}`),
    ];
    assert.deepEqual(
      known.filter((each) => each.includes(' aws_imagebuilder_') && !kinds.has(each)),
      [],
    );
  });

  test('tells why an image failed', async () => {
    const failing = await place('failing', 'examples/terraform');
    writeFileSync(
      join(folder, 'failing/motd.yaml'),
      'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: Fail\n        action: ExecuteBash\n ' +
        '       inputs:\n          commands:\n            - echo out of luck >&2\n            - exit ' +
        '3\nparameters:\n  - Message:\n      type: string\n',
    );
    const { stdout, stderr } = await failing.terraform(
      'apply',
      ['-auto-approve', '-input=false', '-no-color', '-var=boot_tests=false'],
      [1],
    );
    assert.match(stdout + stderr, /motd[\s\S]*out of luck|Fail[\s\S]*exit/);
    const arn = (await failing.managed()).find(({ type }) => type === 'aws_imagebuilder_image')?.values['id'];
    assert.equal(
      (await suite.server.client.send(new GetImageCommand({ imageBuildVersionArn: String(arn) }))).image?.state?.status,
      'FAILED',
    );
    await failing.terraform('destroy', ['-auto-approve', '-input=false', '-no-color', '-var=boot_tests=false']);
  });
});
