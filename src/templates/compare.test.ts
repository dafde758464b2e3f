import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences, tagChanges } from './compare.ts';

const ARN = 'arn:aws:imagebuilder:eu-west-1:123456789012:component/a';

test('values that the service fills in are no difference, values that the user changed are', () => {
  const members = ['description', 'workingDirectory', 'components', 'imageTestsConfiguration', 'schedule', 'status'];
  const rows: readonly (readonly [string, Record<string, never> | object, object, readonly string[]])[] = [
    ['nothing', {}, {}, []],
    [
      'defaults filled in',
      {},
      {
        workingDirectory: '/tmp',
        imageTestsConfiguration: { imageTestsEnabled: true, timeoutMinutes: 720 },
        status: 'ENABLED',
      },
      [],
    ],
    [
      'part of a structure',
      { imageTestsConfiguration: { imageTestsEnabled: true } },
      { imageTestsConfiguration: { timeoutMinutes: 720, imageTestsEnabled: true } },
      [],
    ],
    [
      'a default taken away',
      { imageTestsConfiguration: { imageTestsEnabled: false } },
      {},
      ['imageTestsConfiguration'],
    ],
    [
      'back to the default',
      {},
      { imageTestsConfiguration: { imageTestsEnabled: false, timeoutMinutes: 720 } },
      ['imageTestsConfiguration'],
    ],
    ['empty list and none', { components: [] }, {}, []],
    [
      'order of a list',
      { components: [{ componentArn: 'a' }, { componentArn: 'b' }] },
      { components: [{ componentArn: 'b' }, { componentArn: 'a' }] },
      ['components'],
    ],
    [
      'leading zeros of a version',
      { components: [{ componentArn: `${ARN}/2026.01.05` }] },
      { components: [{ componentArn: `${ARN}/2026.1.5` }] },
      [],
    ],
    ['a member more', {}, { description: 'x' }, ['description']],
    ['a member less', { description: 'x' }, {}, ['description']],
    [
      'a schedule with its defaults',
      { schedule: { scheduleExpression: 'rate(1 day)' } },
      { schedule: { scheduleExpression: 'rate(1 day)', timezone: 'UTC' } },
      [],
    ],
    ['no schedule any more', {}, { schedule: { scheduleExpression: 'rate(1 day)' } }, ['schedule']],
    ['what is not compared', {}, { arn: 'x', dateCreated: 'y' }, []],
  ];
  for (const [name, asked, existing, expected] of rows)
    assert.deepEqual(differences(asked as never, existing, members), expected, name);
});

test("tags: set what differs, remove what is gone, keep the service's own", () => {
  assert.deepEqual(tagChanges({ a: '1', b: '2' }, { a: '1', b: '3', c: '4', 'aws:x': 'y' }), {
    set: { b: '2' },
    remove: ['c'],
  });
  assert.deepEqual(tagChanges(undefined, undefined), { set: {}, remove: [] });
});
