import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { remedyFor } from './remedies.ts';

describe('advice for a failed step', () => {
  const cases: readonly [line: string, advice: RegExp][] = [
    ["dd: error writing '/var/big': No space left on device", /blockDeviceMappings/],
    ["E: You don't have enough free space in /var/cache/apt/archives/.", /blockDeviceMappings/],
    ["cp: error writing '/x': Input/output error", /full disk on this host/],
    [
      "Err:1 http://deb.debian.org/debian bookworm InRelease  Temporary failure resolving 'deb.debian.org'",
      /resolve that name/,
    ],
    ['curl: (6) Could not resolve host: example.com', /resolve that name/],
    ['  Could not connect to deb.debian.org:80 (151.101.2.132), connection timed out', /cannot reach that server/],
    ['curl: (7) Failed to connect to 192.0.2.1 port 80', /cannot reach that server/],
    [
      "curl: (7) Failed to connect to localhost port 8080 after 0 ms: Couldn't connect to server",
      /Nothing listens there/,
    ],
    ['dial tcp 127.0.0.1:6443: connect: connection refused', /Nothing listens there/],
    ['/bin/bash: fork: retry: Resource temporarily unavailable', /16,384/],
    ['make: cc1: Cannot allocate memory', /larger instance type/],
  ];
  for (const [line, advice] of cases) {
    test(line.trim(), () =>
      assert.match(
        remedyFor({ message: 'ended with exit code 1', outputTail: ['before', line, 'after'] }) ?? '',
        advice,
      ),
    );
  }

  test('the line closest to the failure decides', () => {
    const outputTail = ['curl: (6) Could not resolve host: a', 'tar: write error: No space left on device'];
    assert.match(remedyFor({ message: 'ended with exit code 2', outputTail }) ?? '', /disk of the instance is full/);
  });

  test('a machine that powered off is reported as that, whatever it printed', () => {
    assert.match(
      remedyFor({ message: 'i-1 powered itself off', outputTail: ['x: No space left on device'] }) ?? '',
      /exit code 194/,
    );
  });

  test('a timeout is reported only if the output shows no better cause', () => {
    const message = "step A timed out: the script did not finish within the step's timeoutSeconds of 3";
    assert.match(remedyFor({ message, outputTail: [] }) ?? '', /timeoutSeconds/);
    assert.match(remedyFor({ message, outputTail: ["Temporary failure resolving 'x'"] }) ?? '', /resolve that name/);
  });

  test('without a known cause there is no advice', () => {
    assert.equal(remedyFor({ message: 'ended with exit code 3', outputTail: ['no such thing'] }), undefined);
  });
});
