/** Durations of an image's last build, from its log, for comparison while a build runs. */
import { GetImageCommand, ListImageBuildVersionsCommand, ListImagesCommand } from '@aws-sdk/client-imagebuilder';
import { imagebuilderClient, recordsOf, signedRequest, type Connection } from '../../platform/api-client.ts';
import type { ProgressRecord } from '../../resources/progress.ts';
import { stepKey, type LastRun } from './progress-state.ts';

/** Number of an image's versions that are searched for its last build, newest first. */
const SEARCHED_VERSIONS = 5;
/** Maximum records that are read from a log; a longer one is read partly. */
const MOST_RECORDS = 200_000;

/**
 * The newest AVAILABLE build of the same name before this one, or `undefined`.
 * @param imageArn of the running build
 */
export async function lastRunOf(
  connection: Connection,
  imageArn: string,
  signal: AbortSignal,
): Promise<LastRun | undefined> {
  const before = await buildBefore(connection, imageArn, signal);
  return before === undefined ? undefined : runOf(recordsIn(connection, before, signal));
}

async function buildBefore(
  connection: Connection,
  imageArn: string,
  abortSignal: AbortSignal,
): Promise<string | undefined> {
  const client = imagebuilderClient(connection);
  const { image } = await client.send(new GetImageCommand({ imageBuildVersionArn: imageArn }), { abortSignal });
  const { imageVersionList = [] } = await client.send(
    new ListImagesCommand({ owner: 'Self', filters: [{ name: 'name', values: [image!.name!] }] }),
    { abortSignal },
  );
  const versions = imageVersionList
    .toSorted((a, b) => ((a.dateCreated ?? '') < (b.dateCreated ?? '') ? 1 : -1))
    .slice(0, SEARCHED_VERSIONS);
  const builds = [];
  for (const { arn } of versions) {
    const { imageSummaryList = [] } = await client.send(new ListImageBuildVersionsCommand({ imageVersionArn: arn! }), {
      abortSignal,
    });
    builds.push(...imageSummaryList.filter((build) => build.arn !== imageArn && build.state?.status === 'AVAILABLE'));
  }
  return builds.reduce<(typeof builds)[number] | undefined>(
    (newest, build) => ((newest?.dateCreated ?? '') < (build.dateCreated ?? '') ? build : newest),
    undefined,
  )?.arn;
}

async function* recordsIn(connection: Connection, arn: string, signal: AbortSignal): AsyncGenerator<ProgressRecord> {
  const path = `/ingot/images/${encodeURIComponent(arn)}/log`;
  let read = 0;
  for await (const record of recordsOf<ProgressRecord>(
    await signedRequest(connection, { method: 'GET', path, signal }),
  )) {
    yield record;
    if (++read === MOST_RECORDS) return;
  }
}

/** The durations of a build and its steps, from its records. */
export async function runOf(records: AsyncIterable<ProgressRecord>): Promise<LastRun | undefined> {
  const steps = new Map<string, number>();
  let first: string | undefined;
  let last: string | undefined;
  for await (const record of records) {
    first ??= record.time;
    last = record.time;
    if (record.type === 'step' && record.seconds !== undefined) steps.set(stepKey(record), record.seconds);
  }
  if (first === undefined || last === undefined) return undefined;
  return { steps, seconds: (Date.parse(last) - Date.parse(first)) / 1000 };
}
