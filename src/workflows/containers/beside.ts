/** Runs programs beside a build's container: buildah, on the build's storage. */
import type { ContainerInstance } from '../../instances/buildah/driver.ts';
import { OWN_LIMIT } from '../../instances/output.ts';
import type { Report } from '../../resources/progress.ts';
import { StepError } from '../errors.ts';

/** One of Ingot's own scripts. */
export interface BesideScript {
  readonly script: string;
  /** Its arguments. */
  readonly words: readonly string[];
  /** Its purpose for error messages: `writing the image`. */
  readonly what: string;
  readonly stdin?: string;
  readonly timeoutSeconds: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Receives each line of the outputs, which are also logged. Output over `OWN_LIMIT` is cut off without an error. */
  readonly onLine?: (line: string) => void;
}

const LONGEST_LINE = 4096;
const LAST_LINES = 5;

/**
 * Runs a script to its end and logs its output.
 * @throws {StepError} with the last lines, if it fails or times out
 */
export async function beside(
  instance: ContainerInstance,
  { script, words, what, stdin, timeoutSeconds, env, onLine }: BesideScript,
  { report, signal }: { readonly report: Report; readonly signal: AbortSignal },
): Promise<void> {
  const last: string[] = [];
  let printed = 0;
  const rest = { stdout: '', stderr: '' };
  const tell = (stream: 'stdout' | 'stderr', line: string): void => {
    if (line.trim() === '') return;
    last.push(line);
    if (last.length > LAST_LINES) last.shift();
    report({ type: 'output', stream, text: line });
    onLine?.(line);
  };
  const result = await instance.beside({
    argv: ['/bin/sh', '-c', script, 'sh', ...words],
    stdin,
    env,
    timeoutSeconds,
    signal,
    onOutput(stream, chunk) {
      if (printed > OWN_LIMIT) return;
      printed += chunk.length;
      const lines = (rest[stream] + chunk.toString('utf8')).split(/\r?\n|\r/);
      rest[stream] = lines.pop()!.slice(0, LONGEST_LINE);
      for (const line of lines) tell(stream, line.slice(0, LONGEST_LINE));
      if (printed > OWN_LIMIT)
        report({ type: 'log', level: 'warn', text: `${what} printed more than 64 MiB: the rest is left out` });
    },
  });
  for (const stream of ['stdout', 'stderr'] as const) tell(stream, rest[stream]);
  if (result.exitCode === 0) return;
  const how = result.timedOut
    ? `did not end within ${Math.round(timeoutSeconds)} s`
    : result.outOfMemory === true
      ? 'ran out of memory'
      : `failed (exit code ${result.exitCode ?? result.signal})`;
  // Retries that were announced say the same as the error at their end.
  const errors = last.filter((line) => !line.includes('level=warning'));
  const said = errors.length === 0 ? last : errors;
  throw new StepError(`${what} ${how}${said.length === 0 ? '' : `: ${said.join(' | ').slice(-800)}`}`);
}
