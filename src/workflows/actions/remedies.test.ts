import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FailureCode } from '../../runner/outcome.ts';
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

  const known: Readonly<Record<Exclude<FailureCode, 'network'>, RegExp>> = {
    'out-of-memory': /more memory/,
    'powered-off': /exit code 194/,
    'program-gone': /leave it in place/,
    'disk-gone': /kernel log/,
    'time-limit': /timeoutSeconds/,
  };
  for (const [code, advice] of Object.entries(known) as [FailureCode, RegExp][])
    test(`${code}: the code gives the advice, whatever the message says`, () => {
      assert.match(remedyFor({ code, message: 'reworded', outputTail: ['no such thing'] }) ?? '', advice);
      for (const message of ['i-1 powered itself off', 'step A timed out', 'it ran out of memory'])
        assert.equal(remedyFor({ message, outputTail: [] }), undefined);
    });

  test('a code counts more than the output, except a time limit', () => {
    const outputTail = ["Temporary failure resolving 'x'"];
    for (const code of Object.keys(known) as FailureCode[])
      assert.match(
        remedyFor({ code, message: 'reworded', outputTail }) ?? '',
        code === 'time-limit' ? /resolve that name/ : known[code as keyof typeof known],
      );
  });

  test('without a known cause there is no advice', () => {
    assert.equal(remedyFor({ message: 'ended with exit code 3', outputTail: ['no such thing'] }), undefined);
  });
});
