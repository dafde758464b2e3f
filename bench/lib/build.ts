/** Builds as a user starts them: the command, on a data directory of its own whose base image is there. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ProgressRecord } from '../../src/resources/progress.ts';
import { ingot, placeBase } from '../../test/harness/service.ts';
import type { BuildRun } from './timeline.ts';

/** The tutorial's template. */
export const NGINX_TEMPLATE = join(import.meta.dirname, '../../examples/nginx/template.yaml');

const BUILD_MS = 1_800_000;

/** Works with a new data directory that has the base image and nothing else, as `withEmptyDirectory` does. */
export async function withDataDirectory<T>(work: (dataDirectory: string) => Promise<T>): Promise<T> {
  return withEmptyDirectory(async (dataDirectory) => {
    await placeBase(dataDirectory);
    return work(dataDirectory);
  });
}

/** Works with a new data directory that is not there yet, and takes it away. A server on it is stopped. */
export async function withEmptyDirectory<T>(work: (dataDirectory: string) => Promise<T>): Promise<T> {
  const dataDirectory = join(await mkdtemp(join(tmpdir(), 'ingot-bench-')), 'data');
  try {
    return await work(dataDirectory);
  } finally {
    await ingot(dataDirectory, ['stop']);
    await rm(dirname(dataDirectory), { recursive: true, force: true });
  }
}

/** `ingot build`, to its end. @throws {Error} with what it said when the image does not become available */
export async function build(
  dataDirectory: string,
  template: string,
  args: readonly string[] = [],
  env?: Record<string, string>,
): Promise<BuildRun> {
  const started = Date.now();
  const { code, stdout, stderr } = await ingot(dataDirectory, ['build', template, '--json', ...args], {
    timeoutMs: BUILD_MS,
    env,
  });
  const ended = Date.now();
  if (code !== 0)
    throw new Error(
      `ingot build ended with ${code}: ${stderr.trim()}\n${stdout.trim().split('\n').slice(-5).join('\n')}`,
    );
  const records = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ProgressRecord)
    .filter(({ time }) => time !== undefined);
  return { started, ended, records };
}
