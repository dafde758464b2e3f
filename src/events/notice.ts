/** Texts about events, for people. Pure. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { formatVersion } from '../resources/versions.ts';
import { parseArn } from '../resources/arns.ts';
import { IMAGE_STATE_CHANGE, type EventEnvelope } from './envelope.ts';
import type { Notice } from './receiver.ts';

/** Characters of a line. */
const LONGEST_LINE = 600;
/** Maximum number of Regions whose failures are listed. */
const MOST_REGIONS = 5;

const GOOD: readonly string[] = ['AVAILABLE'];
const BAD: readonly string[] = ['FAILED'];

/** The text about an event. @param link URL of details */
export function noticeOf(event: EventEnvelope, image: Image | undefined, link: string | undefined): Notice {
  const name = nameOf(event.resources[0] ?? '');
  const { title, lines, tone } =
    event['detail-type'] === IMAGE_STATE_CHANGE ? stateChange(event, image, name) : other(event, name);
  const place = `${event.account} ${event.region}, ${event.time}`;
  return { title: line(title), lines: [...lines, place].map(line), link, tone };
}

type Words = Pick<Notice, 'title' | 'lines' | 'tone'>;

function stateChange(event: EventEnvelope, image: Image | undefined, name: string): Words {
  const { status = '', reason } = (event.detail['state'] ?? {}) as { status?: string; reason?: string };
  const amis = (image?.outputResources?.amis ?? []).map((ami) => `${ami.image} in ${ami.region}: ${ami.name ?? ''}`);
  const failed = BAD.includes(status);
  return {
    title: `Image ${name} is ${status}`,
    lines: [
      ...(reason === undefined ? [] : [reason]),
      ...(failed ? failureLines(image) : []),
      ...(GOOD.includes(status) ? amis : []),
      ...(image?.sourcePipelineArn === undefined ? [] : [`Pipeline ${nameOf(image.sourcePipelineArn)}`]),
      ...(failed ? [`Log: ingot logs ${name}`] : []),
    ],
    tone: failed ? 'bad' : GOOD.includes(status) ? 'good' : 'neutral',
  };
}

/** Where an image failed: the step, the step of the component, the Regions. */
function failureLines(image: Image | undefined): readonly string[] {
  const { failedStep, workflowArn, componentFailure, distributionFailure } = image?.failureContext ?? {};
  const lines: string[] = [];
  if (failedStep !== undefined)
    lines.push(`Step ${failedStep}${workflowArn === undefined ? '' : ` of ${nameOf(workflowArn)}`}`);
  if (componentFailure !== undefined) {
    const { componentArn, phaseName, stepName, action, errorMessage } = componentFailure;
    const place = [phaseName, stepName].filter((part) => part !== undefined).join('/');
    const how = action === undefined ? '' : ` (${action})`;
    lines.push(`Component ${nameOf(componentArn ?? '')}, ${place}${how}: ${errorMessage ?? ''}`);
  }
  for (const { region, errorMessage } of (distributionFailure?.regionFailures ?? []).slice(0, MOST_REGIONS))
    lines.push(`Region ${region}: ${errorMessage}`);
  return lines;
}

function other(event: EventEnvelope, name: string): Words {
  const title = event['detail-type'].replace(/^EC2 Image Builder /, '');
  const lines = Object.entries(event.detail).map(
    ([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return { title: `${title}: ${name}`, lines, tone: /Disabled|Failed/.test(title) ? 'bad' : 'neutral' };
}

/** `web/1.0.0/1` for an image, the name of another resource, otherwise the ARN. */
function nameOf(arn: string): string {
  const parsed = parseArn(arn);
  if (parsed === undefined) return arn;
  const { slug, version, build } = parsed;
  return [slug, version === undefined ? undefined : formatVersion(version), build]
    .filter((part) => part !== undefined)
    .join('/');
}

function line(text: string): string {
  return text
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, LONGEST_LINE);
}
