/**
 * The message that AWS publishes to an infrastructure configuration's `snsTopicArn`: the image's record as JSON, with
 * members of its own. Source: reference, `events-logs.md` section 2, and the public sample named in `newer-members.md`.
 * Pure.
 */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { createHash } from 'node:crypto';
import type { OutboxRow } from '../catalog/outbox.ts';
import { parseArn } from '../resources/arns.ts';
import { ecrUri, toldContainers } from '../resources/repositories.ts';
import type { Version } from '../resources/versions.ts';
import type { EventEnvelope } from './envelope.ts';

/** Placeholder for `semver` until the JSON is written: JavaScript has no number of that size. */
const SEMVER = 'semver:of-this-image';

/** Whether a text is the ARN of a topic. Users control it, and its Region becomes part of a host name. */
export function isTopicArn(text: string): boolean {
  return /^arn:aws[a-z-]*:sns:[a-z0-9-]{1,64}:\d{12}:[A-Za-z0-9_-]{1,256}$/.test(text);
}

/** The message for an event's topic: the record of an image in its final status, or the ids of a waiting step. */
export function topicMessage(row: OutboxRow, event: EventEnvelope, image: Image | undefined): string {
  if (image !== undefined) return imageMessage(image);
  // AWS does not document the names of these members, so they are those of the event and the image.
  const payload = row.topic_payload;
  return JSON.stringify({
    imageBuildVersionArn: row.resource,
    workflowExecutionId: event.detail['workflow-execution-id'],
    stepExecutionId: event.detail['workflow-step-execution-id'],
    stepName: event.detail['workflow-step-name'],
    ...(payload === null ? {} : { customPayload: payload }),
  });
}

/** The message for an image that is AVAILABLE or FAILED. */
export function imageMessage(image: Image): string {
  const arn = image.arn ?? '';
  const { slug = '', version, build = 0, owner: accountId = '', region = '' } = parseArn(arn) ?? {};
  const { major, minor, patch } = version as Version;
  const home = (ami: { readonly region?: string | undefined }): number => (ami.region === region ? 0 : 1);
  const available = image.state?.status === 'AVAILABLE';
  // A sample of AWS reads the build's id from the message about a failed image as well.
  const ids = ['buildExecutionId', ...(available ? ['testExecutionId', 'distributionJobId', 'integrationJobId'] : [])];
  const infrastructure = image.infrastructureConfiguration;
  const distribution = image.distributionConfiguration;
  const message = {
    versionlessArn: arn.split('/').slice(0, 2).join('/'),
    semver: SEMVER,
    arn,
    name: image.name ?? slug,
    version: `${major}.${minor}.${patch}`,
    type: image.type,
    buildVersion: build,
    state: { status: image.state?.status, reason: image.state?.reason },
    platform: image.platform,
    osVersion: image.osVersion,
    imageRecipe: recipe(image.imageRecipe, accountId),
    containerRecipe: recipe(image.containerRecipe, accountId),
    sourcePipelineArn: image.sourcePipelineArn,
    infrastructureConfiguration: infrastructure && own(infrastructure, accountId),
    imageTestsConfigurationDocument: {
      imageTestsEnabled: image.imageTestsConfiguration?.imageTestsEnabled ?? true,
      timeoutMinutes: image.imageTestsConfiguration?.timeoutMinutes ?? 720,
    },
    distributionConfiguration: distribution && own({ ...distribution, timeoutMinutes: undefined }, accountId),
    dateCreated: javaDate(image.dateCreated),
    outputResources: {
      // Consumers read only the first AMI, so the one in the home Region comes first.
      amis: [...(image.outputResources?.amis ?? [])].sort((a, b) => home(a) - home(b)),
      ...(image.type === 'DOCKER' ? { containers: toldContainers(image.outputResources?.containers, ecrUri) } : {}),
    },
    ...Object.fromEntries(ids.map((name) => [name, uuidOf(arn, name)])),
    accountId,
    enhancedImageMetadataEnabled: image.enhancedImageMetadataEnabled ?? true,
    buildType: image.buildType,
    tags: tagsOf(image.tags, arn),
  };
  const semver = (BigInt(major) << 90n) + (BigInt(minor) << 60n) + (BigInt(patch) << 30n) + BigInt(build);
  return JSON.stringify(message).replace(`"${SEMVER}"`, String(semver));
}

type Configuration = Readonly<{ arn?: string; dateCreated?: string; tags?: Record<string, string> }>;

/** A resource as in the message: AWS's date format, account, and service tags. */
function own<T extends Configuration>(resource: T, accountId: string): object {
  const { dateCreated, tags, ...members } = resource;
  return {
    ...members,
    tags: tagsOf(tags, resource.arn ?? ''),
    dateCreated: javaDate(dateCreated),
    dateUpdated: undefined,
    accountId,
  };
}

function recipe<T extends Configuration & { readonly version?: string }>(
  given: T | undefined,
  accountId: string,
): object | undefined {
  return given === undefined ? undefined : own({ ...given, owner: undefined }, accountId);
}

function tagsOf(tags: Readonly<Record<string, string>> | undefined, arn: string): object {
  return { ...tags, internalId: uuidOf(arn, 'internalId'), resourceArn: arn };
}

/** Formats a date as `Jun 3, 2020 3:39:02 PM`, in UTC. */
function javaDate(iso: string | undefined): string | undefined {
  if (iso === undefined) return undefined;
  const date = new Date(iso);
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = date.getUTCHours();
  return (
    `${months[date.getUTCMonth()]} ${date.getUTCDate()}, ${date.getUTCFullYear()} ` +
    `${hours % 12 || 12}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} ${hours < 12 ? 'AM' : 'PM'}`
  );
}

/** A UUID derived from the resource, so that an event that is sent again is identical. */
function uuidOf(arn: string, name: string): string {
  const hex = createHash('sha256').update(`${arn} ${name}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
