import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { tellingLines, unitsInQuestion } from './service-journal.ts';

describe('failures that the journal may explain', () => {
  const cases: readonly [line: string, units: readonly string[] | undefined][] = [
    ['Job for web.service failed because the control process exited with error code.', ['web.service']],
    [
      'See "systemctl status getty@tty1.service" and "journalctl -xeu getty@tty1.service" for details.',
      ['getty@tty1.service'],
    ],
    ["A dependency job for nfs-server.service failed. See 'journalctl -xe' for details.", ['nfs-server.service']],
    ['Failed to start data.mount: Unit data.mount is masked.', ['data.mount']],
    ['invoke-rc.d: initscript web, action "start" failed. See journalctl -xe', []],
    ['inactive', []],
    ["curl: (7) Failed to connect to localhost port 8080 after 0 ms: Couldn't connect to server", []],
    [
      'psql: error: could not connect to server: connection to server on socket "/run/postgresql/.s.PGSQL.5432" failed',
      [],
    ],
    ['dial tcp 127.0.0.1:6443: connect: connection refused', []],
    ['curl: (7) Failed to connect to example.com port 80: Connection refused', undefined],
    ['bash: line 3: wbe: command not found', undefined],
    ['the service is inactive in this plan', undefined],
  ];
  for (const [line, units] of cases)
    test(line, () =>
      assert.deepEqual(unitsInQuestion({ message: 'exit status 1', outputTail: ['before', line] }), units),
    );

  test('the message counts as a line', () =>
    assert.deepEqual(unitsInQuestion({ message: 'x\nJob for web.service canceled.', outputTail: [] }), [
      'web.service',
    ]));
  test('no output', () => assert.equal(unitsInQuestion({ message: 'exit status 1', outputTail: [] }), undefined));
});

test('a message that a service did not start is no explanation', () => {
  assert.deepEqual(
    tellingLines({
      units: ['web.service'],
      lines: [
        'Starting web.service - Web...',
        'modprobe: FATAL: Module x not found.',
        'web.service: Control process exited, code=exited, status=1/FAILURE',
        "web.service: Failed with result 'exit-code'.",
        'Failed to start web.service - Web.',
        'web.service: Failed at step NAMESPACE spawning /bin/x: Operation not permitted',
      ],
    }),
    [
      'modprobe: FATAL: Module x not found.',
      'web.service: Failed at step NAMESPACE spawning /bin/x: Operation not permitted',
    ],
  );
  assert.deepEqual(tellingLines({ units: [], lines: ['of somebody else'] }), []);
});
