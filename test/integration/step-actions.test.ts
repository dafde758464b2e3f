/** Step actions of workflows on real instances, with what the operator registered for them in `config.yaml`. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  GetWorkflowStepExecutionCommand,
  ListWorkflowExecutionsCommand,
  ListWorkflowStepExecutionsCommand,
} from '@aws-sdk/client-imagebuilder';
import { createTestImage, outputOf, waitUntilAvailable } from '../harness/images.ts';
import { startServer, type TestServer } from '../harness/service.ts';
import { beginOnDirectory, endOnServer, type DirectorySuite } from '../harness/suite.ts';

let suite: DirectorySuite;
let server: TestServer;
before(async () => {
  suite = await beginOnDirectory();
  const commands = join(dirname(suite.dataDirectory), 'commands');
  await mkdir(commands);
  await writeFile(join(commands, 'Prepare.yaml'), PREPARE);
  await writeFile(join(suite.dataDirectory, 'config.yaml'), `commandDocuments: {folder: ${commands}}\n`, {
    mode: 0o600,
  });
  server = await startServer(suite.dataDirectory);
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

test('a registered command document with several steps runs as Systems Manager runs it', async () => {
  const arn = await createTestImage(server, {
    name: 'commands',
    components: [],
    workflows: {
      BUILD: workflow(
        LAUNCH +
          step('Prepare', 'RunCommand', `${ON_INSTANCE}, documentName: Prepare, parameters: {Name: [big world]}`) +
          CREATE,
      ),
    },
  });
  await waitUntilAvailable(server, arn);
  const { status, output } = (await outputsOf(arn))['Prepare']!;
  assert.equal(status, 'Success');
  const [restarted, greeted] = output as [string, string];
  const [now, before] = restarted.trim().split('\n');
  assert.notEqual(now, before, 'the instance was restarted between the two runs');
  assert.match(before!, /^[0-9a-f-]{36}$/);
  assert.equal(greeted, 'hello big world\n');
  assert.deepEqual((await outputOf(server, arn)).at(-1), 'hello big world');
});

test('an image whose document is not registered, or does not take the values, is rejected before the build', async () => {
  for (const [inputs, message] of [
    ['documentName: Prepared', /step 'Run': documentName: there is no command document 'Prepared' here.*'Prepare'/],
    ["documentName: Prepare, parameters: {Name: ['$(id)']}", /parameters: Name: '\$\(id\)' does not match the pattern/],
  ] as const)
    await assert.rejects(
      createTestImage(server, {
        name: 'rejected',
        components: [],
        workflows: { BUILD: workflow(LAUNCH + step('Run', 'RunCommand', `${ON_INSTANCE}, ${inputs}`) + CREATE) },
      }),
      message,
    );
});
