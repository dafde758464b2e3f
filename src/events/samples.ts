/** One event of each kind, for `ingot notify test`. Pure. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { OutboxRow } from '../catalog/outbox.ts';
import { IMAGE_STATE_CHANGE } from './envelope.ts';

/** A sample and its name. */
interface Sample {
  readonly what: string;
  readonly row: OutboxRow;
}

/**
 * Samples: an available image, a failed one, a scan, a waiting step, a disabled pipeline.
 * @param newId makes a UUID
 */
export function samples(
  place: { readonly account: string; readonly region: string },
  time: string,
  newId: () => string,
) {
  const { account, region } = place;
  const arn = `arn:aws:imagebuilder:${region}:${account}:image/ingot-test/1.0.0/1`;
  const pipeline = `arn:aws:imagebuilder:${region}:${account}:image-pipeline/ingot-test`;
  const row = (type: string, status: string, payload: object, more: Partial<OutboxRow> = {}): OutboxRow => ({
    seq: 0,
    id: newId(),
    time,
    type,
    resource: arn,
    previous_status: null,
    status,
    payload: JSON.stringify(payload),
    resources: null,
    snapshot: null,
    topic_arn: null,
    topic_payload: null,
    ...more,
  });
  const image = (state: Image['state'], amis: NonNullable<Image['outputResources']>['amis']): string =>
    JSON.stringify({
      arn,
      name: 'ingot-test',
      version: '1.0.0/1',
      type: 'AMI',
      platform: 'Linux',
      state,
      dateCreated: time,
      sourcePipelineArn: pipeline,
      outputResources: { amis },
      buildType: 'USER_INITIATED',
    } satisfies Image);
  const ami = { region, image: 'ami-00000000000000000', name: 'ingot-test 1.0.0', accountId: account };
  const reason = 'This is a test of the receiver. No image failed.';
  const change = (from: string, to: string, why?: string): object => ({
    'previous-state': { status: from },
    state: { status: to, reason: why },
  });
  return [
    {
      what: 'image AVAILABLE',
      row: row(IMAGE_STATE_CHANGE, 'AVAILABLE', change('INTEGRATING', 'AVAILABLE'), {
        snapshot: image({ status: 'AVAILABLE' }, [ami]),
      }),
    },
    {
      what: 'image FAILED',
      row: row(IMAGE_STATE_CHANGE, 'FAILED', change('BUILDING', 'FAILED', reason), {
        snapshot: image({ status: 'FAILED', reason }, []),
      }),
    },
    {
      what: 'CVE detected',
      row: row(
        'EC2 Image Builder CVE Detected',
        'SCANNED',
        {
          'resource-id': 'i-00000000000000000',
          'finding-severity-counts': { all: 0, critical: 0, high: 0, medium: 0 },
        },
        { resources: JSON.stringify([pipeline]) },
      ),
    },
    {
      what: 'step waiting',
      row: row('EC2 Image Builder Workflow Step Waiting', 'WAITING', {
        'workflow-execution-id': 'wf-00000000-0000-4000-8000-000000000000',
        'workflow-step-execution-id': 'step-00000000-0000-4000-8000-000000000000',
        'workflow-step-name': 'WaitForApproval',
      }),
    },
    {
      what: 'pipeline disabled',
      row: row(
        'EC2 Image Builder Image Pipeline Automatically Disabled',
        'DISABLED',
        { 'consecutive-failures': '5' },
        { resource: pipeline },
      ),
    },
  ] satisfies readonly Sample[];
}
