/** Commands whose lines are stamped as they come. */
import type { RunOptions } from '../../src/platform/processes.ts';
import { run } from '../../test/harness/processes.ts';

/** A line that a command printed, on either stream. */
interface StampedLine {
  /** Milliseconds since 1970 at which it was read. */
  readonly at: number;
  readonly text: string;
}

/** A command that ran to its end. */
export interface StampedRun {
  readonly started: number;
  readonly ended: number;
  readonly lines: readonly StampedLine[];
}

/** Runs a command. @throws {Error} with its last lines when it fails */
export async function stamped(
  argv: readonly string[],
  options: Pick<RunOptions, 'cwd' | 'env'> = {},
): Promise<StampedRun> {
  const lines: StampedLine[] = [];
  const reader = (): ((chunk: Buffer) => void) => {
    let rest = '';
    return (chunk) => {
      const parts = (rest + chunk.toString('utf8')).split('\n');
      rest = parts.pop()!;
      for (const text of parts) lines.push({ at: Date.now(), text });
    };
  };
  const started = Date.now();
  const { code } = await run(argv, { ...options, okCodes: 'any', onStdout: reader(), onStderr: reader() });
  if (code !== 0)
    throw new Error(
      `${argv[0]} ended with ${code}:\n${lines
        .slice(-30)
        .map(({ text }) => text)
        .join('\n')}`,
    );
  return { started, ended: Date.now(), lines };
}

/** When a line that matches came. @throws {Error} when none did */
export function when({ lines }: StampedRun, pattern: RegExp): number {
  const line = lines.find(({ text }) => pattern.test(text));
  if (line === undefined)
    throw new Error(
      `no line matches ${pattern}:\n${lines
        .slice(-30)
        .map(({ text }) => text)
        .join('\n')}`,
    );
  return line.at;
}
