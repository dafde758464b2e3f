/** `examples/approval` by the AWS CLI: an image waits twice for an answer while the server is stopped and killed. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../../src/platform/clock.ts';
import type { HostState } from '../harness/host-state.ts';
import { run } from '../harness/processes.ts';
import { imageLog, ingot, PROJECT, startServer, type TestServer } from '../harness/service.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

const cli = await run(['aws', '--version'], { okCodes: 'any' }).then(
  ({ code }) => code === 0,
  () => false,
);
const ARN = 'arn:aws:imagebuilder:us-east-1';
let state: HostState;
let dataDirectory: string;
let server: TestServer;
before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));
after(() => endOnServer({ state, dataDirectory, server }));

async function aws<T>(...args: readonly string[]): Promise<T> {
  const { accessKeyId, secretAccessKey } = server.credentials;
  const { code, stdout, stderr } = await run(
    ['aws', 'imagebuilder', ...args, '--endpoint-url', server.endpoint, '--region', 'us-east-1', '--output', 'json'],
    {
      okCodes: 'any',
      cwd: join(PROJECT, 'examples/approval'),
      env: {
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        AWS_CONFIG_FILE: '/dev/null',
        AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
        AWS_PAGER: '',
      },
    },
  );
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as T;
}

test('an image waits for its approvals over a stop and a kill of the server', {
  skip: cli ? false : 'there is no aws command here',
}, async () => {
  const named = (name: string): string[] => ['--name', name, '--semantic-version', '1.0.0'];
  const { componentBuildVersionArn } = await aws<{ componentBuildVersionArn: string }>(
    'create-component',
    ...named('release-notes'),
    ...['--platform', 'Linux', '--data', 'file://component.yaml'],
  );
  const workflow = async (name: string, type: string, file: string): Promise<string> =>
    `workflowArn=${
      (
        await aws<{ workflowBuildVersionArn: string }>(
          'create-workflow',
          ...named(name),
          ...['--type', type, '--data', `file://${file}`],
        )
      ).workflowBuildVersionArn
    }`;
  const { imageRecipeArn } = await aws<{ imageRecipeArn: string }>(
    'create-image-recipe',
    ...named('approval'),
    ...['--parent-image', `${ARN}:aws:image/debian-12-x86/x.x.x`],
    ...['--components', `componentArn=${componentBuildVersionArn}`],
  );
  const { infrastructureConfigurationArn } = await aws<{ infrastructureConfigurationArn: string }>(
    'create-infrastructure-configuration',
    ...['--name', 'approval', '--instance-profile-name', 'builds'],
  );
  const { imageBuildVersionArn: image } = await aws<{ imageBuildVersionArn: string }>(
    'create-image',
    ...['--image-recipe-arn', imageRecipeArn, '--execution-role', 'ingot'],
    ...['--infrastructure-configuration-arn', infrastructureConfigurationArn],
    '--workflows',
    await workflow('inspect', 'BUILD', 'build.yaml'),
    await workflow('release', 'DISTRIBUTION', 'release.yaml'),
  );
  const told = async (): Promise<string> =>
    (await imageLog(dataDirectory, image))
      .map(({ text }) => text)
      .slice(-30)
      .join('\n');
  const waits = (name: string): Promise<string> =>
    until(`the step ${name} to wait`, 180_000, async () => {
      const { steps } = await aws<{ steps: { name: string; stepExecutionId: string }[] }>(
        'list-waiting-workflow-steps',
      );
      const { image: found } = await aws<{ image: { state: { status: string } } }>(
        'get-image',
        ...['--image-build-version-arn', image],
      );
      assert.notEqual(found.state.status, 'FAILED', await told());
      return steps.find((step) => step.name === name)?.stepExecutionId;
    });

  const inspect = await waits('Inspect');
  await server.stop();
  server = await startServer(dataDirectory);
  await aws(
    'send-workflow-step-action',
    ...['--step-execution-id', inspect, '--image-build-version-arn', image],
    ...['--action', 'RESUME', '--reason', 'it is clean'],
  );
  await waits('Release');
  await server.kill();
  server = await startServer(dataDirectory);
  const approved = await ingot(dataDirectory, ['approve', 'approval', '--reason', 'go']);
  assert.equal(approved.code, 0, approved.stderr);
  assert.match(approved.stdout, /^approval\/1\.0\.0\/1: the step Release goes on$/m);
  const status = await until('the image to end', 120_000, async () => {
    const { image: found } = await aws<{ image: { state: { status: string; reason?: string } } }>(
      'get-image',
      ...['--image-build-version-arn', image],
    );
    return ['AVAILABLE', 'FAILED'].includes(found.state.status) ? found.state : undefined;
  });
  assert.equal(status.status, 'AVAILABLE', `${status.reason}\n${await told()}`);
});
