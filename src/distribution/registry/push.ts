/** Copies container images to registries, by skopeo: manifests keep their digests, blobs that are there stay. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeLayout, type BlobDescriptor } from '../../images/container-blobs.ts';
import { dataPath } from '../../platform/data-layout.ts';
import { ProcessError, PROXY_VARIABLES, run } from '../../platform/processes.ts';
import type { Report } from '../../resources/progress.ts';

/** Where an image goes. */
export interface PushTarget {
  /** `host/repository:tag` */
  readonly uri: string;
  /** Whether the registry speaks plain HTTP, as the one on loopback does. */
  readonly plain: boolean;
}

/** What the registry did not take. The message says why, in the registry's words. */
class PushError extends Error {
  override readonly name = 'PushError';
}

const OUTPUT_LIMIT = 4 << 20;

/**
 * Copies an image of the data directory to a registry. Repeating it sends only what is missing there.
 * @returns the digest that the registry has
 * @throws {PushError} what the registry said
 */
export async function pushImage(
  dataDirectory: string,
  image: BlobDescriptor,
  { uri, plain }: PushTarget,
  { report, signal }: { readonly report: Report; readonly signal: AbortSignal },
): Promise<string> {
  const work = dataPath(dataDirectory, 'work');
  await mkdir(work, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(work, 'push-'));
  try {
    await makeLayout(dataDirectory, join(folder, 'layout'), image);
    await run(
      [
        'skopeo',
        '--insecure-policy',
        'copy',
        '--preserve-digests',
        '--retry-times',
        '2',
        `--dest-tls-verify=${!plain}`,
        '--digestfile',
        join(folder, 'digest'),
        // By its name alone: a path may hold what separates words of this form.
        'oci:layout',
        `docker://${uri}`,
      ],
      {
        cwd: folder,
        signal,
        inherit: PROXY_VARIABLES,
        maxOutput: OUTPUT_LIMIT,
        env: { TMPDIR: folder },
      },
    );
    const digest = (await readFile(join(folder, 'digest'), 'utf8')).trim();
    report({ type: 'log', level: 'debug', text: `${uri} is ${digest}` });
    return digest;
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    throw new PushError(`${uri} could not be pushed: ${reasonOf(error.stderr || error.message)}`, { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The last words of skopeo without its own log form. Pure. */
function reasonOf(output: string): string {
  const line = output.trim().split('\n').at(-1) ?? '';
  const message = /msg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1]?.replaceAll('\\"', '"') ?? line;
  return message.slice(0, 600);
}
