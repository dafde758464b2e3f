/**
 * Images built through the API: what succeeds, what fails and how it is reported, what is left behind. Test instances
 * are not booted here.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  CancelImageCreationCommand,
  CreateComponentCommand,
  CreateDistributionConfigurationCommand,
  CreateImageRecipeCommand,
  DeleteImageCommand,
  GetImageCommand,
  ListImagePackagesCommand,
  ListWorkflowExecutionsCommand,
  ListWorkflowStepExecutionsCommand,
} from '@aws-sdk/client-imagebuilder';
import { randomUUID } from 'node:crypto';
import { until } from '../../src/platform/clock.ts';
import { createTestImage, outputOf, waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import { assertNothingLeft, type HostState } from '../harness/host-state.ts';
import { imageLog, startServer, type TestServer } from '../harness/service.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

function document(phase: 'build' | 'test', steps: string): string {
  return `name: t\nschemaVersion: 1.0\nphases:\n  - name: ${phase}\n    steps:\n${steps.replaceAll(/^/gm, '      ')}`;
}

function bash(name: string, commands: readonly string[], more = ''): string {
  return (
    `- name: ${name}\n  action: ExecuteBash\n${more}  inputs:\n    ` +
    `commands:\n${commands.map((line) => `      - ${JSON.stringify(line)}\n`).join('')}`
  );
}

describe('images through the API', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;

  before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));

  after(() => endOnServer({ state, dataDirectory, server }));

  function files(folder: string): readonly string[] {
    const path = join(dataDirectory, folder);
    return existsSync(path) ? readdirSync(path) : [];
  }

  // In a virtual machine: test/long/runner-machine.test.ts.
  test('exit code 194 reboots and runs the step again', async () => {
    const script = [
      'test -f /var/lib/cloud/instance/boot-finished || exit 9',
      'if [ -e /var/tmp/been-here ]; then echo "second run, boot $(cat /proc/sys/kernel/random/boot_id)"; exit 0; fi',
      'touch /var/tmp/been-here',
      'echo first run',
      'exit 194',
    ];
    const arn = await createTestImage(server, {
      name: 'reboot',
      driver: 'nspawn',
      components: [document('build', bash('Once', script))],
    });
    await waitUntilAvailable(server, arn);
    const output = await outputOf(server, arn);
    assert.ok(output.includes('first run'));
    assert.equal(output.filter((line) => line.startsWith('second run')).length, 1);
  });

  test('two builds at once do not meet, though both serve port 80', async () => {
    const serve = (page: string): string =>
      document(
        'build',
        bash('Serve', [
          'set -e',
          'export DEBIAN_FRONTEND=noninteractive',
          'apt-get update -q',
          'apt-get install -qy nginx-light',
          `echo ${page} > /var/www/html/index.html`,
          'systemctl start nginx',
          'sleep 3',
          'curl --silent --fail http://localhost/ | sed "s/^/page: /"',
        ]),
      );
    const arns = await Promise.all(
      ['one', 'two'].map((name) => createTestImage(server, { name: `port-80-${name}`, components: [serve(name)] })),
    );
    await Promise.all(arns.map((arn) => waitUntilAvailable(server, arn)));
    assert.ok((await outputOf(server, arns[0]!)).includes('page: one'));
    assert.ok((await outputOf(server, arns[1]!)).includes('page: two'));
    const packages = await server.client.send(new ListImagePackagesCommand({ imageBuildVersionArn: arns[0]! }));
    assert.ok((packages.imagePackageList ?? []).length > 0);
  });

  test('an image that was built is a parent', async () => {
    const first = await createTestImage(server, {
      name: 'parent',
      components: [document('build', bash('Mark', ['echo from the parent > /etc/marked']))],
    });
    const parent = await waitUntilAvailable(server, first);
    const ami = parent.outputResources!.amis![0]!.image!;
    for (const [name, reference] of [
      ['child-of-ami', ami],
      ['child-of-arn', first.replace(/1\.0\.0\/1$/, 'x.x.x')],
    ] as const) {
      const arn = await createTestImage(server, {
        name,
        parent: reference,
        components: [document('build', bash('Read', [`echo ${name}`, 'cat /etc/marked']))],
      });
      await waitUntilAvailable(server, arn);
      assert.ok((await outputOf(server, arn)).includes('from the parent'), name);
    }
  });

  test('a second build takes the layers of the first; a changed component and what follows it run again', async () => {
    const component = (name: string, line: string): string =>
      document('build', bash(name, [line, `echo ran ${name} >> /etc/history`]));
    const recipe = [
      component('First', 'echo first'),
      component('Second', 'echo second'),
      component('Third', 'echo third'),
    ];
    await waitUntilAvailable(server, await createTestImage(server, { name: 'layers', components: recipe }));

    const again = await createTestImage(server, { name: 'layers-again', components: recipe });
    await waitUntilAvailable(server, again);
    assert.deepEqual(
      (await outputOf(server, again)).filter((line) => /^(first|second|third)$/.test(line)),
      [],
    );
    assert.equal((await imageLog(dataDirectory, again)).filter(({ text }) => text.includes(': hit, lay-')).length, 3);

    const changed = await createTestImage(server, {
      name: 'layers-changed',
      components: [recipe[0]!, recipe[1]!, component('Third', 'echo changed; cat /etc/history')],
    });
    await waitUntilAvailable(server, changed);
    assert.deepEqual(
      (await outputOf(server, changed)).filter((line) => !line.startsWith('Cleaning up')),
      ['changed', 'ran First', 'ran Second'],
    );
  });

  test('what needs a machine goes to one, by rule or by one retry from the layer before; the rest stays in the container', async () => {
    const where = 'echo "here: $(cat /run/systemd/container 2>/dev/null || echo machine)"';
    const arn = await createTestImage(server, {
      name: 'moves',
      components: [
        document('build', bash('Plain', [where, 'echo plain > /etc/plain'])),
        document('build', bash('ByRule', [where, 'modprobe dummy', 'lsmod | grep -c ^dummy'])),
        // The refusal stands in the journal only, and the step that it fails ignores it.
        document(
          'build',
          [
            bash('Unit', [
              where,
              'echo before > /var/tmp/before',
              'printf "#!/bin/sh\\nmod%s dummy && echo loaded > /var/tmp/loaded\\n" probe > /usr/local/bin/loads; ' +
                'chmod +x /usr/local/bin/loads',
              'printf "[Service]\\nType=oneshot\\nExecStart=/usr/local/bin/loads\\n" > ' +
                '/etc/systemd/system/loads.service',
            ]),
            bash('ByRetry', ['systemctl start loads'], '  onFailure: Ignore\n'),
            bash('Loaded', ['cat /var/tmp/loaded', 'cat /etc/plain']),
          ].join(''),
        ),
        document('build', bash('Back', [where, 'ls /var/tmp/before'])),
      ],
    });
    await waitUntilAvailable(server, arn);
    const output = (await outputOf(server, arn)).filter((line) => line.startsWith('here: '));
    assert.deepEqual(output, [
      'here: systemd-nspawn',
      'here: machine',
      'here: systemd-nspawn',
      'here: machine',
      'here: systemd-nspawn',
    ]);
    const log = (await imageLog(dataDirectory, arn)).map(({ text }) => text);
    assert.ok(
      log.some((text) => /moves-1 runs in a virtual machine, because 'modprobe dummy'.*rule kernel-module/.test(text)),
    );
    assert.ok((await outputOf(server, arn)).includes('loaded'));
    assert.ok(
      log.some((text) =>
        /moves-2 failed, which its step ignores, in the container at phase 'build', step 'ByRetry'.*modprobe: FATAL.*tried once more in a virtual machine/.test(
          text,
        ),
      ),
    );
  });

  test('a failed build keeps the layers of what succeeded, so that the next try begins there', async () => {
    const good = document('build', bash('Good', ['echo good work']));
    const failed = await waitForStatus(
      server,
      await createTestImage(server, { name: 'try', components: [good, document('build', bash('Bad', ['exit 3']))] }),
    );
    assert.equal(failed.state?.status, 'FAILED');
    const next = await createTestImage(server, {
      name: 'try-again',
      components: [good, document('build', bash('Better', ['echo better']))],
    });
    await waitUntilAvailable(server, next);
    const output = await outputOf(server, next);
    assert.ok(output.includes('better'));
    assert.ok(!output.includes('good work'));
  });

  test('a failing command: the reason names document, phase, step and command, and nothing is left', async () => {
    const layersBefore = files('layers').length;
    const arn = await createTestImage(server, {
      name: 'failing',
      components: [document('build', bash('Break', ['echo something on the way', 'ls /no/such/folder']))],
    });
    const image = await waitForStatus(server, arn);
    assert.equal(image.state?.status, 'FAILED');
    const reason = image.state!.reason!;
    assert.match(
      reason,
      /^Workflow Execution ID: 'wf-[0-9a-f-]{36}' failed with reason: Document arn:aws:imagebuilder:us-east-1:\d{12}:component\/failing-0\/1\.0\.0\/1 failed!/,
    );
    for (const part of [
      /phase 'build'/i,
      /step 'Break'/i,
      /ExecuteBash/,
      /ls \/no\/such\/folder/,
      /No such file or directory/,
    ])
      assert.match(reason, part);
    assert.equal(files('layers').length, layersBefore);
    const records = await imageLog(dataDirectory, arn);
    assert.equal(records.at(-1)!.status, 'FAILED');
    const summary = records.filter(({ summary }) => summary === true);
    assert.ok(summary.every(({ level }) => level === 'error'));
    assert.equal(records.at(-2), summary.at(-1));
    const expected = [
      `Summary of the failure of ${arn}`,
      /^Workflow: arn:aws:imagebuilder:.*:workflow\/build\/build-image\/\S+, step ApplyBuildComponents, status BUILDING$/,
      /^Document: arn:aws:imagebuilder:us-east-1:\d{12}:component\/failing-0\/1\.0\.0\/1$/,
      'Phase: build',
      'Step: Break (ExecuteBash)',
      /^Error: exit status 2/,
      /^Command: ls \/no\/such\/folder/,
      'Exit code: 2',
      'Last output:',
      '  something on the way',
      /^ {2}ls: .*No such file or directory$/,
      /^Enter the instance: it was terminated\. To keep it, build again with .*--keep-on-failure/,
    ];
    assert.equal(summary.length, expected.length, summary.map(({ text }) => text).join('\n'));
    for (const [index, { text }] of summary.entries()) {
      const wanted = expected[index]!;
      if (typeof wanted === 'string') assert.equal(text, wanted);
      else assert.match(text, wanted);
    }

    const { workflowExecutions } = await server.client.send(
      new ListWorkflowExecutionsCommand({ imageBuildVersionArn: arn }),
    );
    const { steps } = await server.client.send(
      new ListWorkflowStepExecutionsCommand({ workflowExecutionId: workflowExecutions![0]!.workflowExecutionId! }),
    );
    const statuses = Object.fromEntries(steps!.map((step) => [step.name, step.status]));
    assert.equal(statuses['LaunchBuildInstance'], 'COMPLETED');
    assert.equal(statuses['ApplyBuildComponents'], 'FAILED');
    assert.equal(statuses['CreateOutputAMI'], 'SKIPPED');
  });

  test('a failed test phase: nothing is distributed, and the reason names document, phase, step and command', async () => {
    const { distributionConfigurationArn } = await server.client.send(
      new CreateDistributionConfigurationCommand({
        name: 'never',
        clientToken: randomUUID(),
        distributions: [
          { region: 'eu-west-1', amiDistributionConfiguration: { name: 'never {{ imagebuilder:buildDate }}' } },
        ],
      }),
    );
    const arn = await createTestImage(server, {
      name: 'untested',
      tests: true,
      distributionConfigurationArn: distributionConfigurationArn!,
      components: [document('test', bash('Look', ['grep -q ingot /etc/no-such-file']))],
    });
    const image = await waitForStatus(server, arn);
    assert.equal(image.state?.status, 'FAILED');
    for (const part of [
      /component\/untested-0\/1\.0\.0\/1 failed!/,
      /phase 'test'/i,
      /step 'Look'/i,
      /grep -q ingot/,
      /No such file/,
    ])
      assert.match(image.state!.reason!, part);
    assert.deepEqual(image.outputResources?.amis ?? [], []);
    assert.deepEqual(files('regions/eu-west-1'), []);
  });

  test('a hanging command ends with its deadline', async () => {
    const arn = await createTestImage(server, {
      name: 'hanging',
      components: [document('build', bash('Hang', ['echo waiting', 'sleep 1000'], '  timeoutSeconds: 3\n'))],
    });
    const image = await waitForStatus(server, arn);
    assert.equal(image.state?.status, 'FAILED');
    assert.match(image.state!.reason!, /step 'Hang'.*(timed out|3 s)/i);
  });

  test('CreateComponent refuses an unknown action with its place', async () => {
    const data =
      'name: t\nschemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: A\n        action: ' +
      'ExecuteBahs\n        inputs:\n          commands: [ls]\n';
    await assert.rejects(
      server.client.send(
        new CreateComponentCommand({
          name: 'unknown-action',
          semanticVersion: '1.0.0',
          platform: 'Linux',
          data,
          clientToken: randomUUID(),
        }),
      ),
      (error: Error) =>
        error.name === 'InvalidParameterValueException' &&
        /7:17/.test(error.message) &&
        /ExecuteBahs/.test(error.message) &&
        /ExecuteBash/.test(error.message),
    );
  });

  test('CreateImageRecipe refuses a parent image that does not exist', async () => {
    const recipe = { name: 'no-parent', semanticVersion: '1.0.0', clientToken: randomUUID() };
    const missing = [
      [
        'arn:aws:imagebuilder:us-east-1:aws:image/plan-9-x86/x.x.x',
        'InvalidParameterValueException',
        /'parentImage'.*plan-9-x86/,
      ],
      ['ami-00000000000000000', 'InvalidParameterValueException', /'parentImage'.*ami-0{17}/],
      // Whether there is such an image, that account tells only those whom it lets know.
      ['arn:aws:imagebuilder:us-east-1:000000000000:image/none/1.0.0', 'AccessDeniedException', /image\/none/],
    ] as const;
    for (const [parentImage, name, message] of missing)
      await assert.rejects(server.client.send(new CreateImageRecipeCommand({ ...recipe, parentImage })), {
        name,
        message,
      });
  });

  test('a cancelled build ends CANCELLED and leaves nothing', async () => {
    const layersBefore = files('layers').length;
    const arn = await createTestImage(server, {
      name: 'cancelled',
      components: [document('build', bash('Long', ['echo started', 'sleep 1000']))],
    });
    await until(
      'the component to run',
      60_000,
      async () => ((await outputOf(server, arn)).includes('started') ? true : undefined),
      { everyMs: 50 },
    );
    await server.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: arn, clientToken: randomUUID() }));
    const image = await waitForStatus(server, arn);
    assert.equal(image.state?.status, 'CANCELLED');
    assert.equal(files('layers').length, layersBefore);
    await server.client.send(new DeleteImageCommand({ imageBuildVersionArn: arn }));
    await assert.rejects(server.client.send(new GetImageCommand({ imageBuildVersionArn: arn })), {
      name: 'ResourceNotFoundException',
    });
  });

  for (const [how, end] of [
    ['kill -9 of server and worker', () => server.kill()],
    ['a stopped server', () => server.stop()],
  ] as const)
    test(`after ${how} the component that ran is run again, in an instance of its own`, async () => {
      const layersBefore = files('layers').length;
      const arn = await createTestImage(server, {
        name: how.replaceAll(/\W+/g, '-'),
        components: [document('build', bash('Long', ['echo started', 'sleep 1000']))],
      });
      const runs = (times: number): Promise<true> =>
        until(
          `the component's run ${times}`,
          60_000,
          async () =>
            (await outputOf(server, arn)).filter((line) => line === 'started').length === times ? true : undefined,
          { everyMs: 50 },
        );
      await runs(1);
      await end();
      if (how === 'a stopped server') await assertNothingLeft(state, dataDirectory);
      server = await startServer(dataDirectory);
      await runs(2);
      const instances = new Set(
        (await imageLog(dataDirectory, arn)).flatMap(({ text }) => /\bi-[0-9a-f]{17}\b/.exec(text)?.[0] ?? []),
      );
      assert.equal(instances.size, 2, [...instances].join(' '));
      await server.client.send(
        new CancelImageCreationCommand({ imageBuildVersionArn: arn, clientToken: randomUUID() }),
      );
      assert.equal((await waitForStatus(server, arn)).state?.status, 'CANCELLED');
      assert.equal(files('layers').length, layersBefore);
    });
});
