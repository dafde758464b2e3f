/**
 * Searches a disk for secrets before it becomes an image: keys, tokens, histories. A hit that the recipe does not allow
 * fails the build.
 */
import { stat } from 'node:fs/promises';
import { runCaptured } from '../../instances/output.ts';
import { hostKeysCommand } from '../../guest/sanitize.ts';
import { isAllowed, searchDisk, type DiskHit } from '../../guest/disk-search.ts';
import type { AllowedSecret } from '../../resources/allowed-secrets.ts';
import { StepError } from '../errors.ts';
import { ALLOW_SECRETS_TAG } from '../planning/plan-image.ts';
import type { StepControl, WorkInstance } from './image-progress.ts';

/** Maximum findings in an error message; the log has all. */
const NAMED = 4;

/**
 * Searches the disk of a build instance.
 * @throws {StepError} with the findings, and how to allow them
 */
export async function refuseSecretsOnDisk(
  entry: WorkInstance,
  allowed: readonly AllowedSecret[],
  options: StepControl & { readonly timeoutSeconds: number },
): Promise<void> {
  const { report, signal, timeoutSeconds } = options;
  if (entry.instance.capabilities.platform !== 'Linux') return;
  const started = performance.now();
  const hits = await searchDisk(entry.instance, entry.launch.searchSince ?? new Date(0), {
    signal,
    timeoutSeconds,
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new StepError(`the disk could not be searched for keys, tokens and histories: ${(error as Error).message}`, {
      cause: error,
    });
  });
  const refused: DiskHit[] = [];
  for (const hit of hits) {
    const found = `${describeHit(hit)} is on the disk`;
    if (hit.tolerated !== undefined) report({ type: 'log', level: 'warn', text: `${found}: ${hit.tolerated}` });
    else if (isAllowed(hit, allowed)) report({ type: 'log', text: `${found}; the recipe allows it` });
    else {
      refused.push(hit);
      report({ type: 'log', level: 'error', text: found });
    }
  }
  report({
    type: 'log',
    level: 'debug',
    text: `searched for keys, tokens and histories in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  });
  if (refused.length > 0) throw new StepError(refusal(refused));
}

/**
 * Removes the ssh host keys that a build instance generated at its first boot. This makes workflows without
 * `SanitizeInstance` work: on AWS each instance of their images generates its own keys. Keys that the recipe allows are
 * kept.
 */
export async function removeHostKeys(
  entry: WorkInstance,
  allowed: readonly AllowedSecret[],
  { report, signal, timeoutSeconds }: StepControl & { readonly timeoutSeconds: number },
): Promise<void> {
  if (entry.instance.capabilities.platform !== 'Linux') return;
  if (allowed.some(({ name, path }) => name === 'private-key' && (path ?? '/etc/ssh/').startsWith('/etc/ssh/'))) return;
  const argv = hostKeysCommand(entry.launch.searchSince ?? new Date(0));
  const output = { limit: 64 << 10, what: 'the removal of ssh host keys' };
  const { stdout } = await runCaptured(entry.instance, { argv, signal, timeoutSeconds }, output);
  const removed = stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '');
  if (removed.length > 0)
    report({
      type: 'log',
      level: 'warn',
      text: `the workflow has no SanitizeInstance step: removed this instance's ssh host keys (${removed.join(', ')})`,
    });
}

/** When the parent image was made: the file of a sealed layer never changes. */
export async function madeAt(layerPath: string): Promise<Date> {
  return (await stat(layerPath)).mtime;
}

function describeHit({ name, what, path, line }: DiskHit): string {
  return `${what} (${name}): ${path}${line === undefined ? '' : `, line ${line}`}`;
}

function refusal(hits: readonly DiskHit[]): string {
  const named = hits.slice(0, NAMED).map(describeHit).join('; ');
  const more = hits.length > NAMED ? `; and ${hits.length - NAMED} more, see the log` : '';
  const example = `${hits[0]!.name}:${hits[0]!.path}`;
  return (
    `the finished disk has what must not be in an image: ${named}${more}. What to do: remove it in a component, or ` +
    `allow it by a tag of the image recipe, ${ALLOW_SECRETS_TAG} = ${example}`
  );
}
