import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pipelineText, scheduleTable } from './schedule.ts';

const WEB = {
  pipeline: 'arn:aws:imagebuilder:eu-west-1:123456789012:image-pipeline/web',
  name: 'Web',
  status: 'ENABLED',
  expression: 'cron(0 3 ? * SUN *)',
  timezone: 'Europe/Berlin',
  words: 'every Sunday at 03:00, Europe/Berlin',
  startCondition: 'EXPRESSION_MATCH_AND_DEPENDENCY_UPDATES_AVAILABLE',
  next: '2026-12-06T02:00:00.000Z',
  consecutiveFailures: 0,
};
const SKIPPED = {
  seq: 2,
  cause: 'schedule',
  by: 'cron(0 3 ? * SUN *)',
  at: '2026-11-29T02:00:01.000Z',
  because: 'Due at 2026-11-29T02:00:00.000Z: every Sunday at 03:00, Europe/Berlin.',
  outcome: 'skipped',
  reason: 'Nothing that it names is newer.\u001b[2J',
  next: '2026-12-06T02:00:00.000Z',
};

test('schedules are shown as a table', () => {
  const table = scheduleTable([
    { ...WEB, last: SKIPPED },
    { pipeline: `${WEB.pipeline}-2`, name: 'Web 2', status: 'DISABLED', consecutiveFailures: 2 },
  ]);
  assert.equal(
    table,
    'PIPELINE  SCHEDULE                              NEXT                  LAST DECISION\n' +
      'web       every Sunday at 03:00, Europe/Berlin  2026-12-06 02:00 UTC  ' +
      'skipped 2026-11-29 02:00 UTC (schedule)\n' +
      'web-2     only when it is started               disabled              -\n',
  );
});

test('a pipeline is shown with its schedule in words, and its decisions', () => {
  const lines = pipelineText(WEB, [SKIPPED]).split('\n');
  assert.equal(lines[0], 'web: every Sunday at 03:00, Europe/Berlin; next: 2026-12-06 02:00 UTC');
  assert.deepEqual(lines.slice(2), [
    '',
    '2026-11-29 02:00 UTC  skipped  schedule: cron(0 3 ? * SUN *)',
    '    Due at 2026-11-29T02:00:00.000Z: every Sunday at 03:00, Europe/Berlin.',
    '    Nothing that it names is newer.',
    '    asked again: 2026-12-06 02:00 UTC',
    '',
  ]);
});
