/**
 * A login shell in an instance, on a terminal if the instance has `script`. The terminal is inside, so that its
 * programs are under the instance's limits.
 */
import { readScript } from '../platform/scripts.ts';
import { once } from 'node:events';
import type { Instance, StreamedCommand } from './instance.ts';

/** Size of a terminal, in characters. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** A running shell. */
export interface Shell {
  readonly command: StreamedCommand;
  /** Whether it is on a terminal: not if none was requested, or if the instance has no `script`. */
  readonly terminal: boolean;
  /** Reports a new window size to the program on the terminal. */
  resize(size: TerminalSize): Promise<void>;
}

/** The output of the script below before the shell begins. */
const ON_TERMINAL = 't'.charCodeAt(0);

// `script` provides the terminal: from bsdutils on Debian, util-linux elsewhere. It runs a string, so variable parts
// are in the environment.
const SHELL_SCRIPT = readScript(import.meta.url, 'terminal-shell.sh');

const RESIZE_SCRIPT = readScript(import.meta.url, 'terminal-resize.sh');

/**
 * Opens a login shell of root.
 * @param options.size of its terminal; without it, the shell reads a script from its stdin
 * @param options.term the kind of terminal, `TERM`
 */
export async function openShell(
  instance: Instance,
  options: { readonly size?: TerminalSize; readonly term: string },
): Promise<Shell> {
  const { size } = options;
  const command = await instance.open({
    argv: ['/bin/sh', '-c', SHELL_SCRIPT, 'sh', String(size?.rows ?? 0), String(size?.columns ?? 0)],
    env: { TERM: options.term },
    inputEnds: size === undefined,
  });
  const terminal = (await firstByte(command)) === ON_TERMINAL;
  return {
    command,
    terminal,
    async resize({ rows, columns }) {
      if (terminal)
        await instance.run({
          own: true,
          argv: ['/bin/sh', '-c', RESIZE_SCRIPT, 'sh', command.files, String(rows), String(columns)],
          timeoutSeconds: 30,
        });
    },
  };
}

async function firstByte({ stdout, ended }: StreamedCommand): Promise<number | undefined> {
  for (;;) {
    const chunk = stdout.read(1) as Buffer | null;
    if (chunk !== null) return chunk[0];
    if (stdout.readableEnded) {
      await ended;
      return undefined;
    }
    await Promise.race([once(stdout, 'readable'), once(stdout, 'end')]);
  }
}
