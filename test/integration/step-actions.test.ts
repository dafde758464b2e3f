/** Step actions of workflows on real instances, with what the operator registered for them in `config.yaml`. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  GetWorkflowStepExecutionCommand,
  ListWorkflowExecutionsCommand,
  ListWorkflowStepExecutionsCommand,
} from '@aws-sdk/client-imagebuilder';
import { CreateStateMachineCommand, ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { withNewerMembers } from '../../src/commands/deploy/newer-members.ts';
import { runStateMachine } from '../../src/platform/aws-states.ts';
import { createTestImage, outputOf, waitUntilAvailable } from '../harness/images.ts';
import { moto, startMoto } from '../harness/moto.ts';
import { ingot, startServer, type TestServer } from '../harness/service.ts';
import { beginOnDirectory, endOnServer, type DirectorySuite } from '../harness/suite.ts';

let suite: DirectorySuite;
let server: TestServer;
before(async () => {
  suite = await beginOnDirectory();
  const commands = join(dirname(suite.dataDirectory), 'commands');
  await mkdir(commands);
  await writeFile(join(commands, 'Prepare.yaml'), PREPARE);
  const count = join(commands, 'count');
  await writeFile(count, COUNT, { mode: 0o755 });
  await writeFile(
    join(suite.dataDirectory, 'config.yaml'),
    `commandDocuments: {folder: ${commands}}\nstateMachines: {count: {command: [${count}]}}\n`,
    { mode: 0o600 },
  );
  server = await startServer(suite.dataDirectory);
  withNewerMembers(server.client);
});
after(() => endOnServer({ ...suite, server }));

/** Restarts once, fails in the middle, and ends with a step that runs all the same. */
const PREPARE = `
schemaVersion: '2.2'
parameters:
  Name: {type: String, allowedPattern: '^[a-z ]+$', interpolationType: ENV_VAR}
  Greeting: {type: String, default: hello, allowedValues: [hello, bye]}
mainSteps:
- action: aws:runPowerShellScript
  name: windows
  precondition: {StringEquals: [platformType, Windows]}
  inputs: {runCommand: [Get-Date]}
- action: aws:runShellScript
  name: restart
  inputs:
    workingDirectory: /srv
    runCommand:
    - '#!/bin/bash'
    - '[[ -e restarted ]] && { cat /proc/sys/kernel/random/boot_id; cat restarted; exit 0; }'
    - cp /proc/sys/kernel/random/boot_id restarted; exit 194
- action: aws:runShellScript
  name: greet
  inputs: {runCommand: ['echo "{{ Greeting }} {{ Name }}" | tee /srv/greeting']}
`;

/** A state machine: counts the characters of a text. */
const COUNT = '#!/bin/sh\ntext=$(cat)\nprintf \'{"count": %d, "key": "%s"}\' "${#text}" "$INGOT_STEP_EXECUTION_ID"\n';

const step = (name: string, action: string, inputs: string): string =>
  `- name: ${name}\n  action: ${action}\n  inputs: {${inputs}}\n`;
const ON_INSTANCE = 'instanceId.$: $.stepOutputs.Launch.instanceId';
const LAUNCH = step('Launch', 'LaunchInstance', 'waitFor: ssmAgent');
const CREATE = step('Create', 'CreateImage', ON_INSTANCE) + step('End', 'TerminateInstance', ON_INSTANCE);
const workflow = (steps: string): string => `schemaVersion: 1.0\nsteps:\n${steps}`;

/** Outputs of an image's steps, by their names. */
async function outputsOf(imageBuildVersionArn: string): Promise<Readonly<Record<string, Record<string, unknown>>>> {
  const { client } = server;
  const { workflowExecutions = [] } = await client.send(new ListWorkflowExecutionsCommand({ imageBuildVersionArn }));
  const found: Record<string, Record<string, unknown>> = {};
  for (const { workflowExecutionId } of workflowExecutions) {
    const { steps = [] } = await client.send(new ListWorkflowStepExecutionsCommand({ workflowExecutionId }));
    for (const { stepExecutionId, name } of steps) {
      const { outputs } = await client.send(new GetWorkflowStepExecutionCommand({ stepExecutionId }));
      found[name!] = JSON.parse(outputs ?? '{}') as Record<string, unknown>;
    }
  }
  return found;
}

test('a registered command document with several steps, and a state machine that is a command of the host', async () => {
  const arn = await createTestImage(server, {
    name: 'commands',
    components: [],
    workflows: {
      BUILD: workflow(
        LAUNCH +
          // As workflows have it that were copied from AWS's own.
          step(
            'UpdateSSMAgent',
            'RunCommand',
            `${ON_INSTANCE}, documentName: AWS-UpdateSSMAgent, parameters: {allowDowngrade: ['false']}`,
          ) +
          step('Prepare', 'RunCommand', `${ON_INSTANCE}, documentName: Prepare, parameters: {Name: [big world]}`) +
          step(
            'Count',
            'ExecuteStateMachine',
            "stateMachineArn: 'arn:aws:states:us-east-1:123456789012:stateMachine:count', " +
              `input: '{"id": "{{ $.stepOutputs.Prepare.status }}"}'`,
          ) +
          CREATE,
      ),
    },
  });
  await waitUntilAvailable(server, arn);
  const { UpdateSSMAgent, Prepare, Count } = await outputsOf(arn);
  assert.match(String(UpdateSSMAgent!['output']), /not installed: there is nothing to update/);
  const { status, output } = Prepare!;
  assert.equal(status, 'Success');
  const [restarted, greeted] = output as [string, string];
  const [now, before] = restarted.trim().split('\n');
  assert.notEqual(now, before, 'the instance was restarted between the two runs');
  assert.match(before!, /^[0-9a-f-]{36}$/);
  assert.equal(greeted, 'hello big world\n');
  assert.deepEqual((await outputOf(server, arn)).at(-1), 'hello big world');
  const { executionArn, output: counted } = Count as Readonly<Record<string, string>>;
  const key = executionArn!.split(':').at(-1);
  assert.match(executionArn!, /^arn:aws:states:us-east-1:123456789012:execution:count:step-/);
  assert.deepEqual(JSON.parse(counted!), { count: '{"id": "Success"}'.length, key });
});

test('an image whose step names what is not registered, or gives other values, is rejected before the build', async () => {
  for (const [action, inputs, message] of [
    ['ExecuteStateMachine', 'stateMachineArn: /bin/true', /there is no state machine '\/bin\/true' here/],
    [
      'RunCommand',
      'documentName: Prepared',
      /step 'Run': documentName: there is no command document 'Prepared' here.*'Prepare'/,
    ],
    [
      'RunCommand',
      "documentName: Prepare, parameters: {Name: ['$(id)']}",
      /parameters: Name: '\$\(id\)' does not match the pattern/,
    ],
  ] as const)
    await assert.rejects(
      createTestImage(server, {
        name: 'rejected',
        components: [],
        workflows: {
          BUILD: workflow(
            LAUNCH + step('Run', action, action === 'RunCommand' ? `${ON_INSTANCE}, ${inputs}` : inputs) + CREATE,
          ),
        },
      }),
      message,
    );
});

test('an image is registered from the snapshot of another, larger; what still runs at its end can stay', async () => {
  const parent = await createTestImage(server, { name: 'parent', components: [] });
  const [ami] = (await waitUntilAvailable(server, parent)).outputResources!.amis!;
  const mapping = `{DeviceName: /dev/xvda, Ebs: {SnapshotId: ${ami!.image!.replace('ami-', 'snap-')}, VolumeSize: 9}}`;
  const arn = await createTestImage(server, {
    name: 'registered',
    components: [],
    infrastructure: { terminateInstanceOnCompletion: false },
    workflows: {
      BUILD: workflow(
        step('Register', 'RegisterImage', `architecture: x86_64, blockDeviceMapping: [${mapping}]`) +
          step(
            'Launch',
            'LaunchInstance',
            'waitFor: ssmAgent, healthCheck: RUNNING, instanceTypesOverride: [t3.micro], ' +
              'imageIdOverride.$: $.stepOutputs.Register.imageId',
          ) +
          step(
            'Size',
            'RunCommand',
            `${ON_INSTANCE}, documentName: AWS-RunShellScript, parameters: {commands: ['lsblk -bno SIZE || true', ` +
              "'df -B1 --output=size / | tail -1']}",
          ),
      ),
    },
  });
  const image = await waitUntilAvailable(server, arn);
  const { Register, Size, Launch } = await outputsOf(arn);
  assert.deepEqual(
    image.outputResources!.amis!.map(({ image: id }) => id),
    [Register!['imageId']],
  );
  const size = Number((Size!['output'] as string[])[0]!.trim().split('\n').at(-1));
  assert.ok(size > 8 * 2 ** 30, `the root file system has ${size} bytes`);
  const { stdout } = await ingot(suite.dataDirectory, ['instances']);
  assert.match(stdout, new RegExp(String(Launch!['instanceId'])));
  await ingot(suite.dataDirectory, ['terminate', String(Launch!['instanceId'])]);
});

describe('AWS Step Functions (moto)', { skip: moto === '' ? 'moto_server is not installed' : false }, () => {
  let aws: Awaited<ReturnType<typeof startMoto>>;
  before(async () => void (aws = await startMoto()));
  after(() => aws.stop());

  test('a state machine runs to its end, and the same step finds the same execution again', async () => {
    await fetch(`${aws.endpoint}/moto-api/config`, {
      method: 'POST',
      body: JSON.stringify({ stepfunctions: { execute_state_machine: true } }),
    });
    const client = new SFNClient({ endpoint: aws.endpoint, region: 'us-east-1' });
    const { stateMachineArn: arn } = await client.send(
      new CreateStateMachineCommand({
        name: 'pass',
        definition: JSON.stringify({ StartAt: 'A', States: { A: { Type: 'Pass', Result: { ok: true }, End: true } } }),
        roleArn: 'arn:aws:iam::123456789012:role/states',
      }),
    );
    const settings = { region: 'us-east-1', endpoint: aws.endpoint, signal: AbortSignal.timeout(60_000) };
    const started: string[] = [];
    const request = { arn: arn!, name: 'step-1', input: '{"a": 1}' };
    for (const _ of [1, 2]) {
      const { status, output } = await runStateMachine(settings, request, (each) => started.push(each));
      assert.equal(status, 'SUCCEEDED');
      assert.deepEqual(JSON.parse(output!), { ok: true });
    }
    assert.equal(new Set(started).size, 1);
    const { executions } = await client.send(new ListExecutionsCommand({ stateMachineArn: arn }));
    assert.equal(executions!.length, 1);
  });
});
