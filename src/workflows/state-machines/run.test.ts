import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readStateMachines, type StateMachine } from '../../platform/config/state-machines.ts';
import { StepError } from '../errors.ts';
import { namedStateMachine } from './named.ts';
import { executeStateMachine, type Execution } from './run.ts';

const ACCOUNT = '123456789012';
const folder = mkdtempSync(join(tmpdir(), 'ingot-machines-'));
after(() => rmSync(folder, { recursive: true }));

const execution = (more: Partial<Execution> = {}): Execution => ({
  name: 'check',
  input: '{"a":1}',
  key: 'step-1',
  imageArn: 'arn:image',
  account: ACCOUNT,
  region: 'us-east-1',
  dataDirectory: folder,
  report: () => {},
  signal: new AbortController().signal,
  ...more,
});

function machine(settings: object): StateMachine {
  const faults: string[] = [];
  const read = readStateMachines({ check: settings }, faults, ACCOUNT);
  assert.deepEqual(faults, []);
  return read['check']!;
}

let programs = 0;
function program(script: string): StateMachine {
  const path = join(folder, `program-${programs++}`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return machine({ command: [path, 'first argument'] });
}

const failsWith = (message: RegExp) => (error: Error) => {
  assert.ok(error instanceof StepError, String(error));
  assert.match(error.message, message);
  return true;
};

describe('a command of this host', () => {
  test('gets the input, its arguments and the key, and its output is the output', async () => {
    const echo = program('printf \'{"got":%s,"key":"%s","argument":"%s"}\' "$(cat)" "$INGOT_STEP_EXECUTION_ID" "$1"');
    assert.deepEqual(await executeStateMachine(echo, execution()), {
      executionArn: `arn:aws:states:us-east-1:${ACCOUNT}:execution:check:step-1`,
      output: '{"got":{"a":1},"key":"step-1","argument":"first argument"}',
    });
  });
  test('one that prints nothing has an empty output', async () => {
    assert.equal((await executeStateMachine(program('cat >/dev/null'), execution())).output, '{}');
  });
  const bad: readonly (readonly [what: string, script: string, message: RegExp])[] = [
    ['fails', 'echo not today >&2; exit 3', /^state machine check: .*exit code 3.*: not today/s],
    ['prints no JSON', 'echo fine', /^the command printed something that is not JSON: fine/],
    ['prints too much', 'yes', /^state machine check: .*more than 256 KiB/],
  ];
  for (const [what, script, message] of bad)
    test(`one that ${what}`, () =>
      assert.rejects(executeStateMachine(program(script), execution()), failsWith(message)));
  test('one that is aborted is killed', async () => {
    const abort = new AbortController();
    const running = executeStateMachine(program('sleep 600'), execution({ signal: abort.signal }));
    abort.abort(new Error('enough'));
    await assert.rejects(running, /enough/);
  });
});

describe('a web hook', () => {
  const asked: { headers: IncomingHttpHeaders; body: string }[] = [];
  let answer: (response: ServerResponse, count: number) => void;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push({ headers: request.headers, body });
      answer(response, asked.length);
    });
  });
  let url: string;
  before(async () => {
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  });
  after(() => server.close());

  test('is asked again until it answers, signed, with the same key', async () => {
    const key = Buffer.alloc(32, 7);
    asked.length = 0;
    answer = (response, count) => response.writeHead(count === 1 ? 503 : 200).end('{"ok":true}');
    const hook = machine({ url, secret: `whsec_${key.toString('base64')}` });
    assert.equal((await executeStateMachine(hook, execution())).output, '{"ok":true}');
    assert.equal(asked.length, 2);
    for (const { headers, body } of asked) {
      assert.equal(body, '{"a":1}');
      assert.equal(headers['idempotency-key'], 'step-1');
      const signed = `${headers['webhook-id'] as string}.${headers['webhook-timestamp'] as string}.${body}`;
      assert.equal(headers['webhook-signature'], `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
    }
  });
  const bad: readonly (readonly [status: number, text: string, message: RegExp])[] = [
    [400, 'no such ticket', /its web hook answered 400: no such ticket/],
    [302, '', /its web hook answered 302/],
    [200, 'thanks', /answered something that is not JSON: thanks/],
    [200, 'x'.repeat(300_000), /more than 262144 bytes/],
  ];
  for (const [status, text, message] of bad)
    test(`${status} ${text.slice(0, 20)}`, () => {
      answer = (response) => response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end(text);
      return assert.rejects(executeStateMachine(machine({ url }), execution()), failsWith(message));
    });
  test('a secret that cannot sign is said, not left out', () =>
    assert.rejects(executeStateMachine(machine({ url, secret: 'short' }), execution()), failsWith(/whsec_/)));
});

test('a name is looked up in the configuration, for its accounts', () => {
  const machines = readStateMachines(
    { check: { command: ['/bin/true'] }, other: { command: ['/bin/true'], accounts: ['210987654321'] } },
    [],
    ACCOUNT,
  );
  for (const reference of ['check', `arn:aws:states:us-east-1:${ACCOUNT}:stateMachine:check:3`])
    assert.equal(namedStateMachine(machines, ACCOUNT, reference).name, 'check');
  const cases: readonly (readonly [reference: string, message: RegExp])[] = [
    ['chek', /^stateMachineArn: there is no state machine 'chek' here\..*'check'.*registered are: check$/],
    ['/bin/true', /there is no state machine '\/bin\/true'/],
    ['constructor', /there is no state machine 'constructor'/],
    ['other', /'other' is not open to account 123456789012.*stateMachines\.other\.accounts/],
  ];
  for (const [reference, message] of cases)
    assert.throws(() => namedStateMachine(machines, ACCOUNT, reference), failsWith(message));
});

test('what is wrong with the section is named', () => {
  const faults: string[] = [];
  readStateMachines(
    {
      'a b': { command: ['/bin/true'] },
      relative: { command: ['true'] },
      both: { command: ['/bin/true'], url: 'http://x' },
      none: {},
      hook: { url: 'ftp://x', profile: 'p' },
      aws: { arn: 'arn:aws:states:us-east-1:1:stateMachine:x', secret: 's' },
    },
    faults,
    ACCOUNT,
  );
  assert.deepEqual(
    faults.map((fault) => fault.slice(0, 45)),
    [
      'stateMachines.a b: a name must have 1 to 80 l',
      'stateMachines.relative.command: must be a lis',
      'stateMachines.both: must have exactly one of ',
      'stateMachines.none: must have exactly one of ',
      'stateMachines.hook.profile: only goes with ar',
      'stateMachines.hook.url: must be an address (h',
      'stateMachines.aws.secret: only goes with url',
      'stateMachines.aws.arn: must be an ARN such as',
    ],
  );
});
