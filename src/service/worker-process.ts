/**
 * The worker process. Its parent holds the data directory's lock and writes a line to stdin to wake it; the end of stdin is the parent's end,
 * and then this ends too, cleanly.
 */
import { join } from 'node:path';
import { namedImages } from '../images/names/names.ts';
import { openCatalog } from '../catalog/catalog.ts';
import { readConfig } from '../platform/config.ts';
import { takeFileLock } from '../platform/lock.ts';
import { logger } from '../platform/log.ts';
import { sweepAtStart } from '../pipelines/sweeper.ts';
import { startWorker } from '../pipelines/worker.ts';
import { OUT_OF_MEMORY_CODE, watchMemory } from './worker-memory.ts';

/**
 * Works until its parent ends it; returns when it is ready.
 * @param concurrency how many images are worked on at once
 * @param reason for images that the worker before this one did not end
 */
export async function runWorker(dataDirectory: string, concurrency: number, reason?: string): Promise<void> {
  // The worker before this one may still be cleaning up after its server died: sweeping then would take things from under it.
  const lock = takeFileLock(join(dataDirectory, 'worker.lock'), 120_000);
  if (lock === undefined) throw new Error(`another worker has held ${dataDirectory} for two minutes`);
  const catalog = await openCatalog(dataDirectory, { managedImages: namedImages, names: (await readConfig(dataDirectory)).names });
  await sweepAtStart(catalog, reason);
  const worker = startWorker(catalog, concurrency);
  logger().info({ concurrency }, 'worker ready');
  watchMemory((bytes) => {
    logger().fatal({ bytes }, 'the worker takes more memory than it may, and ends; the next one frees what it held');
    process.exit(OUT_OF_MEMORY_CODE);
  });

  let ending = false;
  const end = async (): Promise<void> => {
    if (ending) return;
    ending = true;
    await worker.stop('The server was stopped while it worked on this image; start the build again.');
    await catalog.close();
    lock.release();
    process.exit(0);
  };

  process.stdin.on('data', () => worker.wake());
  process.stdin.on('end', () => void end());
  process.stdin.on('close', () => void end());
  // A terminal's Ctrl-C reaches the whole group; the parent decides when this ends.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => void end());
}
