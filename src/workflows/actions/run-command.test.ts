import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandRequest, CommandResult, Instance } from '../../instances/instance.ts';
import { StepError } from '../errors.ts';
import type { StepContext } from './action.ts';
import { readCommand, runCommand } from './run-command.ts';

const DOCUMENT = { documentName: 'AWS-RunShellScript' };

test('a command is read with the input members of Systems Manager', () => {
  const parameters = { commands: ['set -e', 'echo a'], workingDirectory: ['/srv'], executionTimeout: ['60'] };
  assert.deepEqual(readCommand({ ...DOCUMENT, parameters }), {
    program: ['/bin/sh'],
    suffix: 'sh',
    script: 'set -e\necho a\n',
    cwd: '/srv',
    seconds: 60,
  });
  assert.equal(readCommand({ ...DOCUMENT, parameters: { commands: ['a'] } }).seconds, 3600);
});

test('each fault of a command is named', () => {
  const cases: readonly (readonly [inputs: Record<string, unknown>, message: RegExp])[] = [
    [{ documentName: 'Mine' }, /^documentName: there is no document 'Mine'.*AWS-RunShellScript/],
    [{ documentVersion: '7' }, /^documentVersion: '7'/],
    [{ parameters: { command: ['a'] } }, /^parameters: .* has no parameter 'command'/],
    [{}, /^parameters\.commands: /],
    [{ parameters: { commands: ['a'], executionTimeout: ['soon'] } }, /^parameters\.executionTimeout: 'soon'/],
  ];
  for (const [inputs, message] of cases)
    assert.throws(
      () => readCommand({ ...DOCUMENT, ...inputs }),
      (error: Error) => {
        assert.ok(error instanceof StepError);
        assert.match(error.message, message);
        return true;
      },
    );
});

function context(result: Partial<CommandResult>, ran: CommandRequest[]): StepContext {
  const instance = {
    id: 'i-1',
    async put() {},
    async run(request: CommandRequest) {
      ran.push(request);
      request.onOutput?.('stdout', Buffer.from('one\ntwo\n'));
      return { exitCode: 0, signal: null, timedOut: false, ...result };
    },
  } as unknown as Instance;
  return {
    progress: { instances: new Map([['i-1', { instance, parentKey: 'k' }]]) },
    stage: 'BUILD',
    inputs: { ...DOCUMENT, instanceId: 'i-1', parameters: { commands: ['echo one'] } },
    report: () => {},
    signal: new AbortController().signal,
    timeoutSeconds: 10,
  } as unknown as StepContext;
}

test('its outputs are those of the reference, and later layers are not shared with other builds', async () => {
  const ran: CommandRequest[] = [];
  const given = context({}, ran);
  const { runCommandId, ...outputs } = await runCommand.run(given);
  assert.match(String(runCommandId), /^[0-9a-f-]{36}$/);
  assert.deepEqual(outputs, { status: 'Success', output: ['one\ntwo\n'] });
  assert.notEqual(given.progress.instances.get('i-1')!.parentKey, 'k');
  assert.deepEqual(
    ran.map(({ argv, timeoutSeconds }) => [argv![0], timeoutSeconds]),
    [
      ['/bin/sh', 10],
      ['rm', undefined],
    ],
  );
});

test('a command that fails fails the step, with its last output and its outputs', async () => {
  await assert.rejects(runCommand.run(context({ exitCode: 3 }, [])), (error: StepError) => {
    assert.match(error.message, /AWS-RunShellScript in i-1 ended with exit code 3\. Last output: one \| two/);
    assert.equal(error.outputs?.['status'], 'Failed');
    return true;
  });
});
