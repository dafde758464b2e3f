/** `ingot audit`. */
import type { AuditEvent, AuditLoss } from '../catalog/audit-log.ts';
import { recordsOf, signedJson, signedRequest } from '../platform/api-client.ts';
import { durationFault, durationSeconds } from '../resources/durations.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { CommandFailed, WrongUse, type Arguments, type Command } from './command.ts';
import { plainLine } from './text.ts';

export const audit: Command = {
  usage: 'audit [OPTIONS]',
  about: `
Shows the audit log, oldest first: every API call and its caller, including rejected calls.

WHEN is a time (2026-01-31T12:00:00Z), a day (2026-01-31), or a duration before now (15m, 2h, 7d).`,
  options: {
    since: { value: 'WHEN', help: 'events from this time on' },
    until: { value: 'WHEN', help: 'events up to this time' },
    principal: { value: 'TEXT', help: 'calls whose principal ARN or access key ID contains TEXT' },
    event: { value: 'NAME', help: 'calls of this operation, such as CreateComponent; * matches any text' },
    error: { value: 'CODE', help: 'only failed calls with this error code; * matches any' },
    resource: { value: 'TEXT', help: 'calls on resources whose ARN contains TEXT' },
    json: { help: 'print the events as JSON lines, in the format of CloudTrail' },
    ...CLIENT_OPTIONS,
  },
  examples: ["ingot audit --since 1h --error '*'"],
  positionals: [],
  run,
};

async function run(args: Arguments): Promise<number> {
  const query: Record<string, string> = {};
  for (const name of ['since', 'until'] as const) {
    const text = args.text(name);
    if (text !== undefined) query[name] = whenOf(name, text);
  }
  for (const name of ['principal', 'event', 'error', 'resource'] as const) {
    const text = args.text(name);
    if (text !== undefined) query[name] = text;
  }
  const connection = await connect(args);
  const answer = await signedRequest(connection, { method: 'GET', path: '/ingot/audit', query });
  for await (const event of recordsOf<AuditEvent & { readonly error?: string }>(answer)) {
    if (event.error !== undefined) throw new CommandFailed(event.error);
    process.stdout.write(args.flag('json') ? `${JSON.stringify(event)}\n` : `${shown(event)}\n`);
  }
  const { auditEventsLost: lost } = await signedJson<{ readonly auditEventsLost?: AuditLoss }>(connection, {
    method: 'GET',
    path: '/ingot/server',
  });
  if (lost !== undefined) {
    process.stderr.write(
      `ingot: warning: ${lost.events} events could not be written since ${lost.since}: ${plainLine(lost.reason)}\n`,
    );
  }
  return 0;
}

function whenOf(name: string, text: string): string {
  const ago = durationSeconds(text);
  const given = /^\d{4}-\d\d-\d\d(T.*)?$/.test(text) ? Date.parse(text) : Number.NaN;
  const time = ago === undefined ? given : Date.now() - ago * 1000;
  if (Number.isNaN(time)) throw new WrongUse(durationFault(`--${name}`, text, 'a time (2026-01-31T12:00:00Z), a day'));
  return new Date(time).toISOString();
}

/**
 * An event as a line for people: `2026-01-31T12:00:00Z  123456789012:user/ci  10.0.0.1  CreateComponent  arn:…  ok`.
 */
export function shown({
  eventTime,
  userIdentity,
  eventName,
  resources,
  errorCode,
  errorMessage,
  sourceIPAddress,
}: AuditEvent): string {
  const arn = userIdentity['arn'];
  const who = typeof arn === 'string' ? arn.split(':').slice(4).join(':') : 'nobody';
  const parts = [
    eventTime.replace(/\.\d+Z$/, 'Z'),
    who,
    sourceIPAddress,
    eventName,
    resources?.[0]?.ARN ?? '-',
    errorCode === undefined ? 'ok' : `${errorCode}: ${errorMessage ?? ''}`,
  ];
  return plainLine(parts.join('  ').replaceAll('\n', ' '));
}
