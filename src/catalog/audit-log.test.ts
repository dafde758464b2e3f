import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openAuditLog, readAuditLog, type AuditEvent } from './audit-log.ts';

const limits = { maxBytes: 1_000_000, maxSeconds: 86_400, keepDays: 90, keepFiles: 3 };
const ACCOUNT = '123456789012';
const event = (eventName: string, account: string | undefined = ACCOUNT): AuditEvent => ({
  ...(account === undefined || account === '' ? {} : { recipientAccountId: account }),
  eventVersion: '1.11',
  userIdentity: { type: 'Root' },
  eventTime: new Date().toISOString(),
  eventSource: 'imagebuilder.amazonaws.com',
  eventName,
  awsRegion: 'us-east-1',
  sourceIPAddress: '::1',
  requestParameters: null,
  responseElements: null,
  requestID: 'r',
  eventID: 'e',
  readOnly: true,
  eventType: 'AwsApiCall',
  managementEvent: true,
  eventCategory: 'Management',
});
async function names(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { eventName } of readAuditLog(directory)) found.push(eventName);
  return found;
}

test('what is written can be read, across a restart and a truncated line', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ingot-audit-'));
  try {
    assert.deepEqual(await names(directory), []);
    const first = openAuditLog(directory, limits);
    first.write(event('One\u2028'));
    first.write(event('Two'));
    first.close();
    appendFileSync(join(directory, `audit/${ACCOUNT}/current.jsonl`), '{"cut\n');
    const second = openAuditLog(directory, limits);
    second.write(event('Three'));
    second.flush();
    assert.deepEqual(await names(directory), ['One\u2028', 'Two', 'Three']);
    assert.equal(readFileSync(join(directory, `audit/${ACCOUNT}/current.jsonl`), 'utf8').split('\n').length, 5);
    assert.equal(statSync(join(directory, `audit/${ACCOUNT}/current.jsonl`)).mode & 0o777, 0o600);
    second.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a file is closed at its maximum size, and the oldest are deleted', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ingot-audit-'));
  try {
    const log = openAuditLog(directory, { ...limits, maxBytes: 600 });
    for (let count = 0; count < 10; count++) {
      log.write(event(`E${count}`));
      log.flush();
    }
    log.close();
    assert.equal(readdirSync(join(directory, 'audit', ACCOUNT)).length, 4);
    assert.equal((await names(directory)).at(-1), 'E9');
    assert.ok((await names(directory)).length < 10);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** Bytes of all files of a folder. */
const sizeOf = (folder: string): number =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);

test('calls of other accounts, and unsigned ones, displace no event', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ingot-audit-'));
  try {
    const log = openAuditLog(directory, { ...limits, maxBytes: 4000 });
    log.write(event('Mine'));
    for (let count = 0; count < 500; count++) {
      log.write(event('Unsigned', ''));
      log.write(event('Theirs', '210987654321'));
      log.flush();
    }
    log.close();
    const found = await names(directory);
    assert.deepEqual(
      found.filter((name) => name === 'Mine'),
      ['Mine'],
    );
    // The newest ones are kept, in a separate file.
    assert.deepEqual(new Set(found), new Set(['Mine', 'Unsigned', 'Theirs']));
    assert.ok(sizeOf(join(directory, 'audit/unsigned')) <= 4000, String(sizeOf(join(directory, 'audit/unsigned'))));
    assert.ok(found.filter((name) => name === 'Theirs').length < 500);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('events of all accounts are read in the order of their times, with those of older versions', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ingot-audit-'));
  try {
    mkdirSync(join(directory, 'audit'));
    const at = (second: number): string => `2026-11-20T12:00:0${second}.000Z`;
    const line = (second: number, account = ''): AuditEvent => ({
      ...event(`E${second}`, account),
      eventTime: at(second),
    });
    writeFileSync(
      join(directory, 'audit/current.jsonl'),
      [0, 1].map((second) => `${JSON.stringify(line(second))}\n`).join(''),
    );
    const log = openAuditLog(directory, limits);
    for (const each of [line(2, ACCOUNT), line(3, '210987654321'), line(4), line(5, ACCOUNT)]) log.write(each);
    log.close();
    assert.deepEqual(await names(directory), ['E0', 'E1', 'E2', 'E3', 'E4', 'E5']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('events that a full disk loses are counted, reported, and marked in the log once there is space', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ingot-audit-'));
  const current = join(directory, 'audit', ACCOUNT, 'current.jsonl');
  try {
    mkdirSync(join(directory, 'audit', ACCOUNT), { recursive: true });
    symlinkSync('/dev/full', current);
    const log = openAuditLog(directory, limits);
    assert.equal(log.lost(), undefined);
    log.write(event('One'));
    log.write(event('Two'));
    log.flush();
    assert.equal(log.lost()?.events, 2);
    assert.match(log.lost()!.reason, /ENOSPC/);
    rmSync(current);
    // A truncated line does not spoil the next one.
    writeFileSync(current, '{"cut');
    log.write(event('Three'));
    log.flush();
    log.write(event('Four'));
    log.close();
    assert.deepEqual(await names(directory), ['AuditEventsLost', 'Three', 'Four']);
    assert.match(readFileSync(current, 'utf8'), /2 events before this one could not be written: ENOSPC/);
    assert.equal(log.lost()?.events, 2);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('an event is recorded whatever its parameters are', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ingot-audit-'));
  try {
    const log = openAuditLog(directory, limits);
    const endless: Record<string, unknown> = {};
    endless['itself'] = endless;
    log.write({ ...event('Odd'), requestParameters: endless });
    log.close();
    assert.deepEqual(await names(directory), ['Odd']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
