import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProgressRecord } from '../../resources/progress.ts';
import { TestCases } from './junit.ts';

const record = (more: Partial<ProgressRecord>): ProgressRecord => ({
  v: 1,
  time: '2026-01-01T00:00:00.000Z',
  type: 'step',
  image: 'arn',
  level: 'info',
  text: '',
  workflow: 'test-image',
  ...more,
});

test('steps of workflows and of components are cases; a failed one has its own output', () => {
  const cases = new TestCases();
  const inside = { step: 'Apply', component: 'web', phase: 'test' };
  for (const each of [
    record({ step: 'Launch', status: 'RUNNING' }),
    record({ type: 'output', stream: 'console', text: 'booting' }),
    record({ step: 'Launch', status: 'COMPLETED', seconds: 15 }),
    record({ step: 'Scan', status: 'SKIPPED', text: 'its condition is false' }),
    record({ ...inside, documentStep: 'Ask', status: 'Running' }),
    record({ type: 'output', stream: 'stderr', text: 'refused & <gone>\u0007', ...inside }),
    record({ ...inside, documentStep: 'Ask', status: 'Failed', seconds: 0.25, text: 'test: Ask: exit status 7' }),
    record({ step: 'Apply', status: 'FAILED', text: 'Apply: failed' }),
  ])
    cases.add(each);
  assert.equal(cases.isEmpty, false);
  assert.equal(
    cases.junit('the image failed'),
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="test-image" tests="3" failures="1" skipped="1">
    <testcase name="Launch" classname="test-image" time="15.000"></testcase>
    <testcase name="Scan" classname="test-image" time="0.000"><skipped/></testcase>
    <testcase name="Apply" classname="test-image" time="0.000"><failure message="Apply: failed">` +
      `refused &amp; &lt;gone&gt;</failure></testcase>
  </testsuite>
  <testsuite name="test-image.Apply.web.test" tests="1" failures="1" skipped="0">
    <testcase name="Ask" classname="test-image.Apply.web.test" time="0.250"><failure ` +
      `message="test: Ask: exit status 7">refused &amp; &lt;gone&gt;</failure></testcase>
  </testsuite>
</testsuites>
`,
  );
});

test('an image that failed before any test has an error of its own', () => {
  assert.match(new TestCases().junit('no "disk"'), /<error message="no &quot;disk&quot;"\/>/);
});
