import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProgressRecord } from '../../src/resources/progress.ts';
import { median, spanTable } from './figures.ts';
import { ENGINE, engineSpans, FIRST_COMMAND, spansOf } from './timeline.ts';

/** A record at so many seconds. */
function record(second: number, rest: Partial<ProgressRecord>): ProgressRecord {
  return {
    v: 1,
    time: new Date(second * 1000).toISOString(),
    type: 'step',
    image: 'arn',
    level: 'info',
    text: '',
    ...rest,
  };
}

test('the making of a base image is cut into its parts', () => {
  const log = (second: number, text: string) => record(second, { type: 'log', text });
  const spans = spansOf({
    started: 0,
    ended: 60_000,
    records: [
      record(2, { type: 'state', status: 'CREATING' }),
      log(3, 'base image debian-12-x86 does not exist yet: it is made now (Debian 12), once'),
      log(4, 'fetching the packages of Debian bookworm from deb.debian.org'),
      log(40, 'configuring the image'),
      log(45, 'writing the disk'),
      log(50, 'base image debian-12-x86 2026.1.1 made in 47 s'),
    ],
  });
  assert.deepEqual(
    spans.slice(1, 6).map(({ name, seconds }) => `${name}: ${seconds}`),
    ['base image: 47', '  before it: 1', '  packages: 36', '  configuration: 5', '  disk: 5'],
  );
});

test('a build is cut into its parts', () => {
  const apply = { workflow: 'build-image', step: 'Apply' };
  const launch = { workflow: 'test-image', step: 'Launch', action: 'LaunchInstance' };
  const spans = spansOf({
    started: 0,
    ended: 22_000,
    records: [
      record(1, { type: 'state', status: 'CREATING' }),
      record(1, { ...apply, action: 'ExecuteComponents', status: 'RUNNING' }),
      record(2, { ...apply, component: 'web', documentStep: 'Install', status: 'Running' }),
      record(5, { ...apply, component: 'web', documentStep: 'Install', status: 'Success', seconds: 3 }),
      record(6, { ...apply, component: 'web', type: 'log', text: 'layer lay-1 (0a1b) holds the disk after web' }),
      record(6, { ...apply, action: 'ExecuteComponents', status: 'COMPLETED', seconds: 5 }),
      record(7, { ...launch, status: 'RUNNING' }),
      record(10, { ...launch, type: 'log', text: 'i-1: waiting for instance i-1 (bios, emulated): its guest agent' }),
      record(18, { ...launch, type: 'log', text: 'i-1: instance i-1 (bios, emulated) answers after 11.0 s' }),
      record(20, {
        ...launch,
        type: 'log',
        text: 'i-1: instance i-1 (bios, emulated) has started all its services after 13.0 s',
      }),
      record(21, { ...launch, status: 'COMPLETED', seconds: 14 }),
    ],
  });

  assert.deepEqual(
    spans.map(({ name, seconds }) => `${name}: ${seconds}`),
    [
      'command, server, resources: 1',
      'Apply: 5',
      '  web: 3',
      '  layer after web: 1',
      'Launch: 14',
      '  to the kernel: 3',
      '  to the guest agent: 8',
      '  to all services: 2',
      'after the last record: 1',
      'whole: 22',
      'first to last command of the build phase: 3',
      'instance ready: 14',
    ],
  );
});

test('medians', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(
    spanTable([
      [{ name: 'a', seconds: 1 }],
      [
        { name: 'a', seconds: 3 },
        { name: 'b', seconds: 9 },
      ],
    ]),
    ['   median   least  greatest', 'a  2.00 s  1.00 s    3.00 s', 'b  9.00 s  9.00 s    9.00 s'].join('\n'),
  );
});

test('what the engine adds is what no step, command or layer took', () => {
  const apply = { workflow: 'build-image', step: 'Apply' };
  const spans = engineSpans({
    started: 0,
    ended: 20_000,
    records: [
      record(1, { workflow: 'build-image', step: 'Launch', action: 'LaunchInstance', status: 'RUNNING' }),
      record(3, { workflow: 'build-image', step: 'Launch', action: 'LaunchInstance', status: 'COMPLETED', seconds: 2 }),
      record(4, { ...apply, action: 'ExecuteComponents', status: 'RUNNING' }),
      record(6, { ...apply, component: 'web', documentStep: 'Install', status: 'Running' }),
      record(10, { ...apply, component: 'web', documentStep: 'Install', status: 'Success', seconds: 4 }),
      record(11, { ...apply, component: 'web', type: 'log', text: 'layer lay-1 (0a1b) holds the disk after web' }),
      record(14, { ...apply, action: 'ExecuteComponents', status: 'COMPLETED', seconds: 10 }),
    ],
  });
  const of = (name: string): number | undefined => spans.find((span) => span.name === name)?.seconds;
  assert.deepEqual(
    ['before the first step', 'between steps', 'around components', 'after the last step', ENGINE, FIRST_COMMAND].map(
      of,
    ),
    [1, 1, 5, 6, 13, 6],
  );
});
