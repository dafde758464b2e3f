import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { CommandRequest, CommandResult, Instance } from '../../instances/instance.ts';
import { StepError } from '../errors.ts';
import type { StepContext } from './action.ts';
import { runCommand } from './run-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-commands-'));
after(() => rmSync(folder, { recursive: true }));
const ACCOUNT = '123456789012';

const step = (name: string, more = ''): string =>
  `- {action: aws:runShellScript, name: ${name}, inputs: {runCommand: [${name}]${more}}}\n`;
const document = (name: string, steps: string): void =>
  writeFileSync(join(folder, name), `schemaVersion: '2.2'\nmainSteps:\n${steps}`);

/** An instance on which each script, by its text, exits with the codes given for it, one per run. */
function context(
  codes: Readonly<Record<string, readonly (number | Partial<CommandResult>)[]>>,
  inputs: Record<string, unknown>,
): { given: StepContext; ran: string[]; requests: CommandRequest[] } {
  const ran: string[] = [];
  const requests: CommandRequest[] = [];
  const left = new Map(Object.entries(codes).map(([name, each]) => [name, [...each]]));
  let script = '';
  const instance = {
    id: 'i-1',
    capabilities: { reboots: true },
    async put(_path: string, content: string) {
      script = content.trim();
    },
    async reboot() {
      ran.push('reboot');
    },
    async run(request: CommandRequest) {
      if (request.own) return { exitCode: 1, signal: null, timedOut: false };
      requests.push(request);
      ran.push(script);
      request.onOutput?.('stdout', Buffer.from(`out of ${script}\n`));
      const code = left.get(script)?.shift() ?? 0;
      return { exitCode: 0, signal: null, timedOut: false, ...(typeof code === 'number' ? { exitCode: code } : code) };
    },
  } as unknown as Instance;
  const given = {
    plan: { account: ACCOUNT, region: 'us-east-1', commandDocuments: { folder, accounts: [ACCOUNT] } },
    progress: { instances: new Map([['i-1', { instance, parentKey: 'k' }]]) },
    services: { catalog: {} },
    stage: 'BUILD',
    inputs: { instanceId: 'i-1', ...inputs },
    report: () => {},
    signal: new AbortController().signal,
    timeoutSeconds: 10,
  } as unknown as StepContext;
  return { given, ran, requests };
}

const shell = (commands: string) => ({ documentName: 'AWS-RunShellScript', parameters: { commands: [commands] } });

test('its outputs are those of the reference, and later layers are no other build\u2019s', async () => {
  const { given, requests } = context({}, shell('echo one'));
  const { runCommandId, ...outputs } = await runCommand.run(given);
  assert.match(String(runCommandId), /^[0-9a-f-]{36}$/);
  assert.deepEqual(outputs, { status: 'Success', output: ['out of echo one\n'] });
  assert.notEqual(given.progress.instances.get('i-1')!.parentKey, 'k');
  assert.deepEqual(
    requests.map(({ argv, timeoutSeconds, env }) => [argv!.slice(0, 2), timeoutSeconds, env!['SSM_COMMAND_ID']]),
    [[['/bin/sh', '-c'], 10, runCommandId]],
  );
});

test('a command that fails fails the step, with its last output and its outputs', async () => {
  await assert.rejects(runCommand.run(context({ no: [3] }, shell('no')).given), (error: StepError) => {
    assert.equal(
      error.message,
      'AWS-RunShellScript in i-1: runShellScript ended with exit code 3. Last output: out of no',
    );
    assert.equal(error.outputs?.['status'], 'Failed');
    return true;
  });
});

test('an ARN names a document as its name does, and a version that is not there is refused', async () => {
  const arn = 'arn:aws:ssm:us-east-1::document/AWS-RunShellScript';
  await runCommand.run(context({}, { ...shell('a'), documentName: arn, documentVersion: '$LATEST' }).given);
  await assert.rejects(
    runCommand.run(context({}, { ...shell('a'), documentVersion: '7' }).given),
    /^StepError: documentVersion: '7' of AWS-RunShellScript does not exist/,
  );
});

describe('which steps run', () => {
  document('goes-on.yaml', step('one') + step('two'));
  document('exits.yaml', step('one', ', onFailure: exit') + step('two') + step('last', ', finallyStep: true'));
  document('quiet.yml', step('one', ', onFailure: successAndExit') + step('two'));
  document('enough.json', step('one', ', onSuccess: exit') + step('two'));
  const cases: readonly (readonly [
    name: string,
    codes: Parameters<typeof context>[0],
    ran: readonly string[],
    status: string,
  ])[] = [
    ['goes-on', { one: [1] }, ['one', 'two'], 'Failed'],
    ['goes-on', { one: [168] }, ['one'], 'Success'],
    ['goes-on', { one: [169] }, ['one'], 'Failed'],
    ['goes-on', { one: [194, 0] }, ['one', 'reboot', 'one', 'two'], 'Success'],
    ['goes-on', { two: [{ exitCode: null, timedOut: true }] }, ['one', 'two'], 'TimedOut'],
    ['exits', { one: [1] }, ['one', 'last'], 'Failed'],
    ['exits', {}, ['one', 'two', 'last'], 'Success'],
    ['quiet', { one: [1] }, ['one'], 'Success'],
    ['enough', {}, ['one'], 'Success'],
  ];
  for (const [name, codes, expected, status] of cases)
    test(`${name} ${JSON.stringify(codes)}`, async () => {
      const { given, ran } = context(codes, { documentName: name });
      const outputs = await runCommand.run(given).catch((error: StepError) => error.outputs!);
      assert.deepEqual(ran, expected);
      assert.equal(outputs['status'], status);
    });
});

test('a script that always asks for a restart ends', async () => {
  const { given, ran } = context({ one: Array<number>(50).fill(194) }, { documentName: 'goes-on' });
  await assert.rejects(runCommand.run(given), /one asked for more than 20 restarts/);
  assert.equal(ran.filter((each) => each === 'reboot').length, 20);
});

describe('documents that are not to be had', () => {
  writeFileSync(join(folder, 'broken.yaml'), "schemaVersion: '1.2'\nruntimeConfig: {}\n");
  writeFileSync(join(folder, 'large.yaml'), 'x'.repeat(100_000));
  symlinkSync('/dev/zero', join(folder, 'zero.yaml'));
  const cases: readonly (readonly [name: string, message: RegExp])[] = [
    ['exit', /^documentName: there is no command document 'exit' here\..*'exits'.* There are: .*exits/],
    ['../broken', /^documentName: there is no command document '\.\.\/broken'/],
    [
      'broken',
      /^documentName: .*'broken' cannot run: 1:16: error unsupported-schema-version: .*must be 2\.2, not '1\.2'/,
    ],
    ['large', /'large' cannot run: .*at most 65536 are allowed/],
    ['zero', /'zero' cannot run: .*at most 65536/],
  ];
  for (const [documentName, message] of cases)
    test(documentName, () =>
      assert.rejects(runCommand.run(context({}, { documentName }).given), (error: Error) => {
        assert.ok(error instanceof StepError);
        assert.match(error.message, message);
        return true;
      }),
    );
  test('those of other accounts', async () => {
    const { given } = context({}, { documentName: 'exits' });
    const plan = { ...given.plan, account: '210987654321' };
    await assert.rejects(runCommand.run({ ...given, plan }), /is not open to account 210987654321.*commandDocuments/);
  });
});
