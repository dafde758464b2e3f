import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseComponentDocument } from '../../documents/component/parse.ts';
import type { DocumentOutcome } from '../../runner/outcome.ts';
import { Arguments, WrongUse } from '../command.ts';
import { detailedOutput, failureBlock, runSummary, type RunReport } from '../../runner/detailed-output.ts';
import { checkRun, machineReason } from './checks.ts';
import { InvalidDocuments, loadDocuments, readDocument } from './documents.ts';
import { logFolderName } from './log-folder.ts';
import { parametersOf, toeRequest } from './request.ts';
import { junit, stepTable } from './table.ts';

const TIME = '2026-11-21T12:05:09.000Z';
const LATER = '2026-11-21T12:05:10.500Z';
const DOCUMENT = `
name: hello-world
description: A greeting
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - {name: HelloWorldStep, action: ExecuteBash, inputs: {commands: ["echo 'Hello World!'"]}}
      - {name: Bad, action: ExecuteBash, inputs: {commands: ['exit 3']}}
      - {name: Never, action: ExecuteBash, inputs: {commands: ['true']}}
`;

function report(failed: boolean): RunReport {
  const { document } = parseComponentDocument(DOCUMENT);
  const hello = {
    name: 'HelloWorldStep',
    action: 'ExecuteBash',
    status: 'Success',
    attempts: 1,
    startTime: TIME,
    endTime: LATER,
    inputs: { commands: ["echo 'Hello World!'"] },
    outputs: { stdout: 'Hello World!' },
  } as const;
  const bad = {
    name: 'Bad',
    action: 'ExecuteBash',
    status: 'Failed',
    attempts: 1,
    startTime: LATER,
    endTime: LATER,
    inputs: { commands: ['exit 3'] },
    outputs: {},
    failureMessage: 'exit status 3',
  } as const;
  const outcome: DocumentOutcome = {
    status: failed ? 'failed' : 'success',
    phases: [{ name: 'build', status: failed ? 'Failed' : 'Success', steps: failed ? [hello, bad] : [hello] }],
    failedStepCount: failed ? 1 : 0,
    executedStepCount: failed ? 2 : 1,
    ignoredFailedStepCount: 0,
    skippedStepCount: 0,
    ignored: [],
    ...(failed
      ? {
          failure: {
            phase: 'build',
            step: 'Bad',
            action: 'ExecuteBash',
            message: 'exit status 3',
            outputTail: ['<what> & why'],
          },
        }
      : {}),
  };
  return {
    executionId: 'one',
    startTime: TIME,
    endTime: LATER,
    documents: [{ path: 'hello.yaml', document: document!, outcome, startTime: TIME, endTime: LATER }],
  };
}

// The formats are those of the samples in the reference, awstoe.md sections 8 and 9.
describe('what awstoe prints and keeps', () => {
  test('the summary', () => {
    assert.deepEqual(runSummary(report(false)), {
      executionId: 'one',
      status: 'success',
      failedStepCount: 0,
      executedStepCount: 1,
      ignoredFailedStepCount: 0,
      skippedStepCount: 0,
      failureMessage: '',
      logUrl: '',
    });
    assert.deepEqual(runSummary(report(true)), {
      executionId: 'one',
      status: 'failed',
      failedStepCount: 1,
      executedStepCount: 2,
      ignoredFailedStepCount: 0,
      skippedStepCount: 0,
      failureMessage: 'Document hello.yaml failed!',
      logUrl: '',
    });
  });

  test('detailedoutput.json', () => {
    const step = {
      name: 'HelloWorldStep',
      status: 'success',
      failureMessage: '',
      timeoutSeconds: 7200,
      onFailure: 'Abort',
      maxAttempts: 1,
      action: 'ExecuteBash',
      startTime: TIME,
      endTime: LATER,
      inputs: `[{"commands":["echo 'Hello World!'"]}]`,
      outputs: '[{"stdout":"Hello World!"}]',
      loop: null,
      detailedOutput: null,
    };
    assert.deepEqual(detailedOutput(report(false)), {
      executionId: 'one',
      status: 'success',
      startTime: TIME,
      endTime: LATER,
      failureMessage: '',
      documents: [
        {
          name: 'hello-world',
          filePath: 'hello.yaml',
          status: 'success',
          description: 'A greeting',
          startTime: TIME,
          endTime: LATER,
          failureMessage: '',
          phases: [
            { name: 'build', status: 'success', startTime: TIME, endTime: LATER, failureMessage: '', steps: [step] },
          ],
        },
      ],
    });
  });

  test('the block of the first failure', () => {
    assert.deepEqual(
      failureBlock(report(true).documents[0]!).map((line) => line.trim()),
      [
        'Document: hello.yaml',
        'Phase: build',
        'Step: Bad',
        'Action: ExecuteBash',
        'ErrorMessage: exit status 3',
        'Stderr: <what> & why',
      ],
    );
  });

  test('the name of the log directory', () =>
    assert.equal(logFolderName(TIME, 'one'), 'TOE_2026-11-21_12-05-09_UTC-0_one'));
});

describe('toe test', () => {
  test('shows a table', () => {
    assert.equal(
      stepTable(report(true)),
      `hello.yaml
  result  phase  step            action        time
  ok      build  HelloWorldStep  ExecuteBash  1.5 s
  FAILED  build  Bad             ExecuteBash  0.0 s  exit status 3
  1 step was not reached
`,
    );
  });

  test('writes JUnit XML', () => {
    const text = junit(report(true));
    assert.match(text, /<testsuite name="hello.yaml: build" tests="2" failures="1" skipped="0">/);
    assert.match(
      text,
      /<testcase name="Bad" classname="hello.yaml.build" time="0.000"><failure message="exit status 3">&lt;what&gt; &amp; why<\/failure><\/testcase>/,
    );
  });
});

describe('the request', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-toe-test-'));
  const config = (content: object): string => {
    const path = join(folder, 'config.json');
    writeFileSync(path, JSON.stringify(content));
    return path;
  };
  test.after(() => rmSync(folder, { recursive: true }));

  test('from flags', () => {
    const { executionId, ...request } = toeRequest(
      new Arguments({ documents: 'a.yaml,b.yaml', phases: 'build,test', parameters: 'One=1,Two=a,b=c' }, []),
    );
    assert.match(executionId, /^[0-9a-f-]{36}$/);
    const parameters = { One: '1', Two: 'a', b: 'c' };
    assert.deepEqual(request, {
      documents: [
        { path: 'a.yaml', parameters },
        { path: 'b.yaml', parameters },
      ],
      phases: ['build', 'test'],
      logDirectory: '.',
      stateDirectory: '.',
      blocked: [],
      trace: false,
    });
  });

  test('from a configuration file, which flags override', () => {
    const path = config({
      documents: [
        {
          path: 'a.yaml',
          parameters: [
            { name: 'Own', value: '2' },
            { name: 'All', value: '3' },
          ],
        },
        { path: 'b.yaml' },
      ],
      phases: 'build',
      parameters: [{ name: 'All', value: '1' }],
      executionId: 'two',
      logDirectory: '/logs',
      trace: true,
    });
    assert.deepEqual(toeRequest(new Arguments({ config: path, phases: 'test' }, [])), {
      documents: [
        { path: 'a.yaml', parameters: { All: '3', Own: '2' } },
        { path: 'b.yaml', parameters: { All: '1' } },
      ],
      phases: ['test'],
      executionId: 'two',
      logDirectory: '/logs',
      stateDirectory: '/logs',
      blocked: [],
      trace: true,
    });
  });

  const wrong: readonly [what: string, values: () => Readonly<Record<string, unknown>>, message: RegExp][] = [
    ['nothing to run', () => ({}), /no document to run/],
    [
      'two places',
      () => ({ config: config({ documents: [{ path: 'a' }] }), documents: 'a' }),
      /cannot be used together/,
    ],
    [
      'parameters beside a file',
      () => ({ config: config({ documents: [{ path: 'a' }] }), parameters: 'a=b' }),
      /--parameters cannot be used with --config/,
    ],
    ['a parameter without a value', () => ({ documents: 'a', parameters: 'One=' }), /invalid value 'One='/],
    [
      'logs that would go nowhere',
      () => ({ documents: 'a', 'cw-log-group': 'g' }),
      /--cw-log-group \(cwLogGroup\) is not supported yet/,
    ],
    ['a member that nobody knows', () => ({ config: config({ document: [] }) }), /unknown members: document/],
    ['a file that is not there', () => ({ config: join(folder, 'none.json') }), /cannot read/],
  ];
  for (const [what, values, message] of wrong) {
    test(`rejects ${what}`, () =>
      assert.throws(
        () => toeRequest(new Arguments(values(), [])),
        (error) => error instanceof WrongUse && message.test(error.message),
      ));
  }

  test('accepts values with commas', () => assert.deepEqual(parametersOf('A=1,2,B=x'), { A: '1,2', B: 'x' }));
});

describe('before anything starts', () => {
  const text = DOCUMENT.replace(
    'phases:',
    'parameters:\n  - Size: {type: string, allowedValues: [small, large]}\nphases:',
  );
  const documents = loadDocuments([{ path: 'hello.yaml', text }], []);
  const request = (values: Readonly<Record<string, string>>) =>
    toeRequest(new Arguments({ documents: 'hello.yaml', ...values }, []));
  const wrong: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
    ['a parameter that is not given', {}, /parameter Size has no value and no default\. Give it with --parameters/],
    [
      'a value that is not allowed',
      { parameters: 'Size=huge' },
      /parameter Size is "huge", allowed are "small", "large"/,
    ],
    [
      'a phase that no document has',
      { parameters: 'Size=small', phases: 'biuld' },
      /'biuld' for --phases: .*mean 'build'/,
    ],
    [
      'one of several phases',
      { parameters: 'Size=small', phases: 'build,later' },
      /invalid value 'later' for --phases/,
    ],
    ['no phase of the documents', { parameters: 'Size=small', phases: 'test' }, /invalid value 'test' for --phases/],
  ];
  for (const [what, values, message] of wrong)
    test(`rejects ${what}`, () =>
      assert.throws(
        () => checkRun(request(values), documents),
        (error) => error instanceof WrongUse && message.test(error.message),
      ));
  test('accepts the phases of a build even if a document lacks one', () =>
    checkRun(request({ parameters: 'Size=small', phases: 'build,validate' }), documents));

  test('a document that needs a virtual machine in a build needs one here', () => {
    const step = "{name: A, action: ExecuteBash, inputs: {commands: ['modprobe overlay']}}";
    const kernel = loadDocuments(
      [{ path: 'k.yaml', text: `schemaVersion: 1.0\nphases: [{name: build, steps: [${step}]}]\n` }],
      [],
    );
    assert.match(
      machineReason(toeRequest(new Arguments({ documents: 'k.yaml' }, [])), kernel, true) ?? '',
      /needs a virtual machine, because 'modprobe overlay' .*\(k\.yaml:\d+:\d+, rule kernel-module\)/,
    );
    assert.equal(machineReason(request({ parameters: 'Size=small' }), documents, true), undefined);
  });
});

describe('reading', () => {
  test('a document that is not UTF-8 is rejected with the position of its byte', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ingot-toe-test-'));
    const path = join(folder, 'latin.yaml');
    writeFileSync(path, Buffer.from(DOCUMENT.replace('echo', 'echo Größe; echo'), 'latin1'));
    await assert.rejects(
      readDocument(path, new Arguments({}, [])),
      (error) =>
        error instanceof WrongUse && /^cannot read the document .* is not UTF-8: byte 0xf6 in line/.test(error.message),
    );
    rmSync(folder, { recursive: true });
  });
});

describe('judging', () => {
  test('reports faults with their positions, and blocked modules', () => {
    assert.throws(
      () => loadDocuments([{ path: 'hello.yaml', text: DOCUMENT }], ['ExecuteBash']),
      (error) =>
        error instanceof InvalidDocuments &&
        error.message.split('\n')[0] ===
          'hello.yaml:8:9: step HelloWorldStep of phase build uses the blocked action module ExecuteBash',
    );
    assert.throws(() => loadDocuments([{ path: 'a.yaml', text: 'phases: []' }], []), /a\.yaml:1:1: error/);
  });

  test('knows the modules that can be blocked', () =>
    assert.throws(
      () => loadDocuments([], ['ExecuteBahs']),
      /unknown action module 'ExecuteBahs'; did you mean 'ExecuteBash'\?/,
    ));
});
