/** Events in the shape in which EventBridge delivers them. Source: reference, `events-logs.md` section 1. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { OutboxRow } from '../catalog/outbox.ts';
import { parseArn } from '../resources/arns.ts';

/** Detail type of the event for a change of an image's status. */
export const IMAGE_STATE_CHANGE = 'EC2 Image Builder Image State Change';

/** `source` of events that EC2 Image Builder also sends. */
const AWS_SOURCE = 'aws.imagebuilder';
/** `source` of events that only Ingot sends. */
const OWN_SOURCE = 'ingot';

/**
 * Statuses for which AWS sends state changes. Events for others have Ingot's own source, so that rules for AWS's source
 * do not match them.
 */
const AWS_STATUSES: readonly string[] = [
  'BUILDING',
  'TESTING',
  'DISTRIBUTING',
  'INTEGRATING',
  'AVAILABLE',
  'CANCELLED',
  'FAILED',
];

/** An event, with EventBridge's members in EventBridge's order. */
export interface EventEnvelope {
  readonly version: '0';
  /** A UUID, equal in every receiver, in SNS messages and in `ingot events`. */
  readonly id: string;
  readonly 'detail-type': string;
  readonly source: string;
  readonly account: string;
  /** With seconds: `2026-01-18T17:50:56Z`. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

/** The envelope of a recorded event. */
export function envelopeOf(row: OutboxRow): EventEnvelope {
  const { owner = '', region = '' } = parseArn(row.resource) ?? {};
  const own = row.type === IMAGE_STATE_CHANGE && !AWS_STATUSES.includes(row.status);
  return {
    version: '0',
    id: row.id,
    'detail-type': row.type,
    source: own ? OWN_SOURCE : AWS_SOURCE,
    account: owner,
    time: row.time.replace(/\.\d+Z$/, 'Z'),
    region,
    resources: [row.resource, ...(row.resources === null ? [] : (JSON.parse(row.resources) as readonly string[]))],
    detail: JSON.parse(row.payload) as EventEnvelope['detail'],
  };
}

/** The image as it was when it reached its final status; `undefined` for other events. */
export function snapshotOf(row: OutboxRow): Image | undefined {
  return row.snapshot === null ? undefined : (JSON.parse(row.snapshot) as Image);
}
