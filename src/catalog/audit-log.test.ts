import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openAuditLog, readAuditLog, type AuditEvent } from './audit-log.ts';

const limits = { maxBytes: 1_000_000, maxSeconds: 86_400, keepDays: 90, keepFiles: 3 };
const event = (eventName: string): AuditEvent => ({
  eventVersion: '1.11', userIdentity: { type: 'Root' }, eventTime: new Date().toISOString(), eventSource: 'imagebuilder.amazonaws.com', eventName, awsRegion: 'us-east-1', sourceIPAddress: '::1',
  requestParameters: null, responseElements: null, requestID: 'r', eventID: 'e', readOnly: true, eventType: 'AwsApiCall', managementEvent: true, eventCategory: 'Management',
});
async function names(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { eventName } of readAuditLog(directory)) found.push(eventName);
  return found;
}

test('what is written is read, across a restart and a line that was cut off', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ingot-audit-'));
  try {
    assert.deepEqual(await names(directory), []);
    const first = openAuditLog(directory, limits);
    first.write(event('One\u2028'));
    first.write(event('Two'));
    first.close();
    appendFileSync(join(directory, 'audit/current.jsonl'), '{"cut\n');
    const second = openAuditLog(directory, limits);
    second.write(event('Three'));
    second.flush();
    assert.deepEqual(await names(directory), ['One\u2028', 'Two', 'Three']);
    assert.equal(readFileSync(join(directory, 'audit/current.jsonl'), 'utf8').split('\n').length, 5);
    assert.equal(statSync(join(directory, 'audit/current.jsonl')).mode & 0o777, 0o600);
    second.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a file is closed at its size, and the oldest are removed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ingot-audit-'));
  try {
    const log = openAuditLog(directory, { ...limits, maxBytes: 600 });
    for (let count = 0; count < 10; count++) {
      log.write(event(`E${count}`));
      log.flush();
      await new Promise((resolve) => setTimeout(resolve, 2)); // names are times
    }
    log.close();
    assert.equal(readdirSync(join(directory, 'audit')).length, 4);
    assert.equal((await names(directory)).at(-1), 'E9');
    assert.ok((await names(directory)).length < 10);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
