/** The audit log, filtered. */
import { readAuditLog, type AuditEvent } from '../../catalog/audit-log.ts';
import { matchesGlob, parseGlob } from '../../policies/globs.ts';
import type { RequestContext } from '../context.ts';
import { readQuery } from './read.ts';
import type { IngotRoute } from './route.ts';
import { ndjson } from './stream.ts';

const TIME = {
  pattern: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/,
  expected: 'a time such as 2026-01-31T12:00:00Z',
} as const;
/** A string option with a pattern, because digits in a query would become a number. */
const TEXT = { pattern: /./ } as const;

interface Filter {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly principal?: string | undefined;
  readonly event?: string | undefined;
  readonly error?: string | undefined;
  readonly resource?: string | undefined;
}

export const auditRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:LookupEvents',
    method: 'GET',
    path: '/ingot/audit',
    resource: (_params, { account }) => `arn:aws:ingot::${account}:audit`,
    async handle({ query, signal }, context) {
      const filter = readQuery(
        query,
        (reader): Filter => ({
          since: reader.string('since', TIME),
          until: reader.string('until', TIME),
          principal: reader.string('principal', TEXT),
          event: reader.string('event', TEXT),
          error: reader.string('error', TEXT),
          resource: reader.string('resource', TEXT),
        }),
      );
      context.services.audit.flush();
      return ndjson(events(filter, context), signal);
    },
  },
];

async function* events(filter: Filter, { account, services }: RequestContext): AsyncGenerator<AuditEvent> {
  const meets = predicate(filter);
  for await (const event of readAuditLog(services.dataDirectory, filter.since)) {
    // The account that owns the server sees all events, including those of unsigned requests.
    if ((account === services.defaultAccount || event.recipientAccountId === account) && meets(event)) yield event;
  }
}

function predicate({ since, until, principal, event, error, resource }: Filter): (event: AuditEvent) => boolean {
  const like = (pattern: string) => {
    const glob = parseGlob(pattern, { wildcards: true, variables: false })!;
    return (text: string): boolean => matchesGlob(glob, text, () => undefined, true);
  };
  const named = event === undefined ? undefined : like(event);
  const failed = error === undefined ? undefined : like(error);
  return (each) =>
    (since === undefined || each.eventTime >= since) &&
    (until === undefined || each.eventTime <= until) &&
    (principal === undefined || JSON.stringify(each.userIdentity).includes(principal)) &&
    (named === undefined || named(each.eventName)) &&
    (failed === undefined || (each.errorCode !== undefined && failed(each.errorCode))) &&
    (resource === undefined ||
      JSON.stringify([each.resources, each.requestParameters, each.responseElements]).includes(resource));
}
