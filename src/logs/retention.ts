/** Applies the retention of log groups. */
import { rmSync, statSync } from 'node:fs';
import type { Catalog } from '../catalog/catalog.ts';
import { imageLogPath } from '../catalog/image-log.ts';
import {
  forgetImageLog,
  groupsWithRetention,
  logStreams,
  removePipelineLogBefore,
  stillWritten,
} from '../catalog/log-groups.ts';

const DAY_MS = 86_400_000;

/**
 * Deletes what is older than its group's retention: events of pipelines one by one, the log of an image as a whole once
 * its last event is too old. A log that is being written stays.
 * @param now milliseconds since 1970
 * @returns the number of deleted logs of images
 */
export async function removeExpiredLogs({ db, dataDirectory }: Catalog, now: number): Promise<number> {
  let removed = 0;
  for (const { account, region, name, retention_days: days } of await groupsWithRetention(db)) {
    const place = { account, region };
    const before = now - days * DAY_MS;
    await removePipelineLogBefore(db, place, name, new Date(before).toISOString());
    const images = (await logStreams(db, place, name)).flatMap((stream) => stream.images);
    const old = images.filter((arn) => {
      const file = statSync(imageLogPath(dataDirectory, arn), { throwIfNoEntry: false });
      return file !== undefined && file.mtimeMs < before;
    });
    const writing = await stillWritten(db, old);
    for (const arn of old) {
      if (writing.includes(arn)) continue;
      await forgetImageLog(db, arn);
      rmSync(imageLogPath(dataDirectory, arn), { force: true });
      removed += 1;
    }
  }
  return removed;
}
