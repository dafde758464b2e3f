/**
 * Uploads the logs of images that have ended to `logging.s3Logs` of their infrastructure configuration, with the
 * credentials of their instance profile: `PREFIX/NAME/VERSION/BUILD/STEP/console.log`, one object for each step of the
 * workflows. Source: Image Builder User Guide, "Monitor with CloudWatch Logs"; reference, `events-logs.md` section 4.
 */
import type { Catalog } from '../../catalog/catalog.ts';
import { imageLogPath } from '../../catalog/image-log.ts';
import { getImage } from '../../catalog/images.ts';
import { setShipped, unshippedLogs, type LogDestination, type Unshipped } from '../../catalog/log-shipments.ts';
import { timestampAfter } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import { instanceProfileFor } from '../../platform/config/profiles.ts';
import { logger } from '../../platform/log.ts';
import { s3AccessOf, writeS3Object } from '../../platform/s3-object.ts';
import type { ProgressRecord } from '../../resources/progress.ts';
import { messageOf } from '../event.ts';
import { LogFile } from '../log-file.ts';

/** Its name among the destinations. Names in `config.yaml` contain no colon, so none is equal. */
export const S3_LOGS = 's3:logs';

/** How long a failing upload is retried, in seconds. */
const KEEP_TRYING_SECONDS = 14 * 86_400;
/** Maximum length of one object, in characters. */
const LONGEST = 64 << 20;
/** The name for records outside any step. */
const NO_STEP = 'Image';

/** Uploads the logs that are due. A failing image does not block others. @throws the first failure */
export async function shipS3Logs(
  catalog: Catalog,
  state: LogDestination,
  config: Pick<Config, 'instanceProfiles'>,
  signal: AbortSignal,
): Promise<void> {
  let failure: Error | undefined;
  for (const log of await unshippedLogs(catalog.db, state)) {
    signal.throwIfAborted();
    if (log.writing) continue;
    try {
      await upload(catalog, log, config, signal);
    } catch (error) {
      failure ??= error as Error;
      if (log.created >= timestampAfter(-KEEP_TRYING_SECONDS)) continue;
      logger().warn({ image: log.image_arn, error }, 'the log was not uploaded to S3 for 14 days: given up');
    }
    await setShipped(catalog.db, state.name, log.image_arn, 0, true);
  }
  if (failure !== undefined) throw failure;
}

async function upload(
  { db, dataDirectory }: Catalog,
  { image_arn: arn, account, region, name: stream }: Unshipped,
  { instanceProfiles }: Pick<Config, 'instanceProfiles'>,
  signal: AbortSignal,
): Promise<void> {
  const image = await getImage(db, arn);
  const { logging, instanceProfileName } = image?.infrastructureConfiguration ?? {};
  const bucket = logging?.s3Logs?.s3BucketName;
  if (image === undefined || bucket === undefined) return;
  const profile =
    instanceProfileName === undefined ? undefined : instanceProfileFor(instanceProfiles, instanceProfileName, account);
  if (profile === undefined)
    throw new Error(
      `the log of ${arn} cannot be uploaded to s3://${bucket}: config.yaml has no instanceProfiles.` +
        `${instanceProfileName ?? '…'}, whose credentials are used`,
    );
  const access = await s3AccessOf(profile, region)();
  const prefix = (logging?.s3Logs?.s3KeyPrefix ?? '').replaceAll(/^\/+|\/+$/g, '');
  const folder = `${prefix === '' ? '' : `${prefix}/`}${image.name}/${stream}`;
  for (const [step, text] of await logsByStep(imageLogPath(dataDirectory, arn)))
    await writeS3Object(access, { bucket, key: `${folder}/${step}/console.log` }, text, signal);
}

/** The lines of a log, grouped by workflow step. */
async function logsByStep(path: string): Promise<ReadonlyMap<string, string>> {
  const steps = new Map<string, { parts: string[]; length: number }>();
  const file = await LogFile.open(path);
  try {
    for await (const lines of file?.forward(0) ?? [])
      for (const { text } of lines) {
        const record = parsed(text);
        const message = record === undefined ? undefined : messageOf(record);
        if (record === undefined || message === undefined) continue;
        const name = (record.step ?? NO_STEP).replaceAll(/[^A-Za-z0-9_.-]/g, '-');
        const step = steps.get(name) ?? { parts: [], length: 0 };
        steps.set(name, step);
        if (step.length > LONGEST) continue;
        const line = `${record.time} ${message}\n`;
        step.length += line.length;
        step.parts.push(step.length > LONGEST ? '… [cut: the rest is in the log of the image]\n' : line);
      }
  } finally {
    await file?.close();
  }
  return new Map([...steps].map(([name, { parts }]) => [name, parts.join('')]));
}

function parsed(text: string): ProgressRecord | undefined {
  try {
    return JSON.parse(text) as ProgressRecord;
  } catch {
    return undefined;
  }
}
