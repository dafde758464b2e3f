/**
 * The README's tutorial through the SDK: from the first create to the last delete, with the image booted by BIOS and by
 * UEFI in between.
 */
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import {
  CreateComponentCommand,
  CreateDistributionConfigurationCommand,
  CreateImagePipelineCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  DeleteComponentCommand,
  DeleteDistributionConfigurationCommand,
  DeleteImageCommand,
  DeleteImagePipelineCommand,
  DeleteImageRecipeCommand,
  DeleteInfrastructureConfigurationCommand,
  GetImageCommand,
  GetImagePipelineCommand,
  ListImagePipelineImagesCommand,
  ListTagsForResourceCommand,
  StartImagePipelineExecutionCommand,
  type Image,
} from '@aws-sdk/client-imagebuilder';
import { openCatalog } from '../../src/catalog/catalog.ts';
import { until } from '../../src/platform/clock.ts';
import { allocatePort, releaseAllocation } from '../../src/platform/host.ts';
import type { HostState } from '../harness/host-state.ts';
import { PARENT, waitUntilAvailable } from '../harness/images.ts';
import { ingot, type TestServer } from '../harness/service.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

const NGINX = `
name: nginx
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: Install
        action: ExecuteBash
        inputs:
          commands:
            - set -e
            - export DEBIAN_FRONTEND=noninteractive
            - apt-get update -q
            - apt-get install -qy nginx-light
            - systemctl enable nginx
      - name: Page
        action: CreateFile
        inputs:
          - path: /var/www/html/index.html
            content: made by the tutorial
  - name: validate
    steps:
      - name: Enabled
        action: ExecuteBash
        inputs:
          commands: [systemctl is-enabled nginx]
  - name: test
    steps:
      - name: Answers
        action: ExecuteBash
        inputs:
          commands: [curl --silent --fail --retry 20 --retry-connrefused --retry-delay 1 http://localhost/]
`;

describe('the tutorial', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;
  let image: Image;
  const arns: Record<'component' | 'recipe' | 'infrastructure' | 'distribution' | 'pipeline' | 'image', string> = {
    component: '',
    recipe: '',
    infrastructure: '',
    distribution: '',
    pipeline: '',
    image: '',
  };

  before(async () => {
    ({ state, dataDirectory, server } = await beginOnServer());
    writeFileSync(
      `${dataDirectory}/config.yaml`,
      'instanceProfiles: {web: {role: web-role, credentials: {accessKeyId: AKIAIOSFODNN7EXAMPLE, secretAccessKey: ' +
        'never-used}}}\n',
      { mode: 0o600 },
    );
  });

  after(() => endOnServer({ state, dataDirectory, server }));

  test('the resources are created', async () => {
    const { client } = server;
    const token = { clientToken: randomUUID() };
    const component = await client.send(
      new CreateComponentCommand({ name: 'nginx', semanticVersion: '1.0.0', platform: 'Linux', data: NGINX, ...token }),
    );
    arns.component = component.componentBuildVersionArn!;
    const recipe = await client.send(
      new CreateImageRecipeCommand({
        name: 'web',
        semanticVersion: '1.0.0',
        parentImage: PARENT,
        description: 'A web server',
        ...token,
        components: [
          { componentArn: arns.component },
          { componentArn: 'arn:aws:imagebuilder:us-east-1:aws:component/simple-boot-test-linux/x.x.x' },
        ],
      }),
    );
    arns.recipe = recipe.imageRecipeArn!;
    const infrastructure = await client.send(
      new CreateInfrastructureConfigurationCommand({
        name: 'small',
        instanceProfileName: 'ingot',
        instanceTypes: ['t3.small'],
        ...token,
      }),
    );
    arns.infrastructure = infrastructure.infrastructureConfigurationArn!;
    const distribution = await client.send(
      new CreateDistributionConfigurationCommand({
        name: 'two-regions',
        ...token,
        distributions: ['us-east-1', 'eu-west-1'].map((region) => ({
          region,
          amiDistributionConfiguration: {
            name: 'web {{ imagebuilder:buildDate }}',
            amiTags: { team: 'platform', build: '{{ imagebuilder:buildVersion }}' },
          },
        })),
      }),
    );
    arns.distribution = distribution.distributionConfigurationArn!;
    const pipeline = await client.send(
      new CreateImagePipelineCommand({
        name: 'web',
        imageRecipeArn: arns.recipe,
        infrastructureConfigurationArn: arns.infrastructure,
        distributionConfigurationArn: arns.distribution,
        tags: { made: 'by-test' },
        ...token,
      }),
    );
    arns.pipeline = pipeline.imagePipelineArn!;
    assert.equal(arns.pipeline.split(':').at(-1), 'image-pipeline/web');
  });

  test('the pipeline builds, tests and distributes the image', async () => {
    const { client } = server;
    const started = await client.send(
      new StartImagePipelineExecutionCommand({ imagePipelineArn: arns.pipeline, clientToken: randomUUID() }),
    );
    arns.image = started.imageBuildVersionArn!;
    assert.match(arns.image, /:image\/web\/1\.0\.0\/1$/);
    image = await waitUntilAvailable(server, arns.image);
    assert.equal(image.osVersion, 'Debian 12');
    assert.deepEqual(
      image.outputResources!.amis!.map(({ region }) => region),
      ['us-east-1', 'eu-west-1'],
    );
    for (const ami of image.outputResources!.amis!)
      assert.match(ami.name!, /^web 20\d\d-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{6}Z$/);

    const catalog = await openCatalog(dataDirectory);
    const events = await catalog.db
      .selectFrom('outbox')
      .select('status')
      .where('resource', '=', arns.image)
      .orderBy('seq')
      .execute();
    await catalog.close();
    assert.deepEqual(
      events.map(({ status }) => status),
      ['PENDING', 'CREATING', 'BUILDING', 'TESTING', 'DISTRIBUTING', 'INTEGRATING', 'AVAILABLE'],
    );

    const { imageSummaryList } = await client.send(
      new ListImagePipelineImagesCommand({ imagePipelineArn: arns.pipeline }),
    );
    assert.deepEqual(
      imageSummaryList!.map(({ arn }) => arn),
      [arns.image],
    );
    const { imagePipeline } = await client.send(new GetImagePipelineCommand({ imagePipelineArn: arns.pipeline }));
    assert.equal(imagePipeline!.lastRunStatus, 'AVAILABLE');
    assert.deepEqual((await client.send(new ListTagsForResourceCommand({ resourceArn: arns.pipeline }))).tags, {
      made: 'by-test',
    });
  });

  test('the copy in the other Region is a chain of its own, and its manifest is true', () => {
    const copy = image.outputResources!.amis![1]!;
    const folder = `${dataDirectory}/regions/eu-west-1`;
    const manifest = JSON.parse(readFileSync(`${folder}/${copy.image}.json`, 'utf8')) as {
      layers: { name: string; sha256: string }[];
      name: string;
      sourceImage: string;
      tags: Record<string, string>;
    };
    for (const { name, sha256 } of manifest.layers)
      assert.equal(
        createHash('sha256')
          .update(readFileSync(`${folder}/layers/${name}`))
          .digest('hex'),
        sha256,
      );
    assert.ok(manifest.layers.length > 1);
    assert.equal(manifest.name, copy.name);
    assert.deepEqual(manifest.tags, {
      team: 'platform',
      build: '1',
      CreatedBy: 'EC2 Image Builder',
      Ec2ImageBuilderArn: arns.image,
    });
  });

  /** The identity that the metadata service gives to a launched instance. */
  const CREDENTIALS =
    'm=http://169.254.169.254/latest; t=$(curl -fsS -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" ' +
    '$m/api/token); for p in "" web-role; do curl -fsS -H "X-aws-ec2-metadata-token: $t" ' +
    '$m/meta-data/iam/security-credentials/$p; done';

  for (const [firmware, index] of [
    ['bios', 0],
    ['uefi', 1],
  ] as const) {
    test(`the AMI boots by ${firmware} and NGINX answers`, async () => {
      const { region, image: ami } = image.outputResources!.amis![index]!;
      const { id, port } = await allocatePort({ dataDirectory, owner: 'tutorial' });
      try {
        const launched = await ingot(dataDirectory, [
          'launch',
          ami!,
          '--publish',
          `${port}:80`,
          '--firmware',
          firmware,
          '--region',
          region!,
          '--detach',
          ...(firmware === 'bios' ? ['--instance-profile', 'web'] : []),
        ]);
        assert.equal(launched.code, 0, launched.stderr);
        const instanceId = launched.stdout.trim();
        assert.match(instanceId, /^i-[0-9a-f]{17}$/);
        const page = await until('NGINX to answer', 60_000, () => get(port), { everyMs: 500 });
        assert.equal(page, 'made by the tutorial');

        const command = await ingot(dataDirectory, [
          'exec',
          instanceId,
          '--region',
          region!,
          '--',
          'sh',
          '-c',
          'echo out; echo err >&2; [ -d /sys/firmware/efi ] && exit 7; exit 8',
        ]);
        assert.deepEqual(
          [command.code, command.stdout, command.stderr],
          [firmware === 'uefi' ? 7 : 8, 'out\n', 'err\n'],
        );
        const credentials = await ingot(dataDirectory, [
          'exec',
          instanceId,
          '--region',
          region!,
          '--',
          'sh',
          '-c',
          CREDENTIALS,
        ]);
        if (firmware === 'bios')
          assert.match(
            credentials.stdout,
            /^web-role\n?\{[^]*"AccessKeyId": ?"AKIAIOSFODNN7EXAMPLE"/,
            credentials.stderr,
          );
        else assert.match(credentials.stderr, /404/);
        assert.match(
          (await ingot(dataDirectory, ['instances', '--region', region!])).stdout,
          new RegExp(`${instanceId}.*running`),
        );
        assert.match(
          (await ingot(dataDirectory, ['console', instanceId, '--region', region!])).stdout,
          /Linux version/,
        );
        const terminated = await ingot(dataDirectory, ['terminate', instanceId, '--region', region!]);
        assert.equal(terminated.code, 0, terminated.stderr);
      } finally {
        await releaseAllocation(id);
      }
    });
  }

  test('what others depend on is not deleted; in the documented order all is', async () => {
    const { client } = server;
    const dependency = { name: 'ResourceDependencyException' };
    await assert.rejects(
      client.send(new DeleteComponentCommand({ componentBuildVersionArn: arns.component })),
      dependency,
    );
    await assert.rejects(client.send(new DeleteImageRecipeCommand({ imageRecipeArn: arns.recipe })), dependency);
    await assert.rejects(
      client.send(
        new DeleteInfrastructureConfigurationCommand({ infrastructureConfigurationArn: arns.infrastructure }),
      ),
      dependency,
    );
    await client.send(new DeleteImagePipelineCommand({ imagePipelineArn: arns.pipeline }));
    await client.send(new DeleteImageCommand({ imageBuildVersionArn: arns.image }));
    await client.send(new DeleteImageRecipeCommand({ imageRecipeArn: arns.recipe }));
    await client.send(new DeleteComponentCommand({ componentBuildVersionArn: arns.component }));
    await client.send(
      new DeleteInfrastructureConfigurationCommand({ infrastructureConfigurationArn: arns.infrastructure }),
    );
    await client.send(new DeleteDistributionConfigurationCommand({ distributionConfigurationArn: arns.distribution }));
    await assert.rejects(client.send(new GetImageCommand({ imageBuildVersionArn: arns.image })), {
      name: 'ResourceNotFoundException',
    });
  });
});

function get(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path: '/', timeout: 5000, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(response.statusCode === 200 ? text : undefined));
      response.on('error', () => resolve(undefined));
    });
    asked.on('error', () => resolve(undefined));
    asked.on('timeout', () => asked.destroy());
    asked.end();
  });
}
