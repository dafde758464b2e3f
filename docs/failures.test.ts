/** What `failures.md` quotes is what the product says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { LEAST_FOR_BASE, LEAST_FOR_BUILD, LOW_WATER } from '../src/images/space.ts';
import { WORKER_ENDED } from '../src/storage/sweeper.ts';
import { LOGGED_CHARACTERS, LOGGED_LINES } from '../src/guest/lines.ts';
import { remedyFor } from '../src/workflows/actions/remedies.ts';

const page = readFileSync(new URL('./failures.md', import.meta.url), 'utf8').replaceAll(/\s+/g, ' ');

test('figures and words of the page on failures are those of the product', () => {
  const said: readonly string[] = [
    `below ${LEAST_FOR_BUILD / 1024 ** 2} MiB`,
    `${LEAST_FOR_BASE / 1024 ** 3} GiB where a base image`,
    `below ${LOW_WATER / 1024 ** 2} MiB`,
    `${LOGGED_LINES.toLocaleString('en-US')} lines or ${Math.round(LOGGED_CHARACTERS / 1e6)} MB`,
    WORKER_ENDED.split(' (')[0]!,
    remedyFor({ message: 'exit status 100', outputTail: ['Could not connect to deb.debian.org:80'] })!.split('.')[0]!,
  ];
  for (const words of said) assert.ok(page.includes(words), words);
});

test('what the page says to do is what a reason says', () => {
  assert.ok(remedyFor({ code: 'powered-off', message: '', outputTail: [] })!.includes('exit code 194'));
  assert.ok(page.includes('exit code 194'));
  const lines: readonly [line: string, words: string][] = [
    ['No space left on device', 'blockDeviceMappings'],
    ['fork: retry: Resource temporarily unavailable', '16,384'],
  ];
  for (const [line, words] of lines) {
    assert.ok(remedyFor({ message: line, outputTail: [] })!.includes(words), line);
    assert.ok(page.includes(words), words);
  }
});
