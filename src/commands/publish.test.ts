import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePublish } from './publish.ts';
import { stated } from '../../test/harness/stated.ts';

test('values of --publish', () => {
  for (const [text, expected] of [
    ['8080:80', { hostPort: 8080, instancePort: 80 }],
    ['0.0.0.0:8080:80', { hostAddress: '0.0.0.0', hostPort: 8080, instancePort: 80 }],
    ['[::1]:8080:80', { hostAddress: '::1', hostPort: 8080, instancePort: 80 }],
    ['80', undefined],
    ['0:80', undefined],
    ['8080:65536', undefined],
    ['host:8080:80', undefined],
    ['8080:80/udp', undefined],
    ['', undefined],
  ] as const)
    assert.deepEqual(stated(parsePublish(text)), expected, text);
});
