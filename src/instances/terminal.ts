/**
 * A login shell in an instance, on a terminal where it can be had. The terminal is inside, so that what runs on it is
 * under the instance's limits.
 */
import { once } from 'node:events';
import type { Instance, StreamedCommand } from './instance.ts';

/** Size of a terminal, in characters. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** A shell that runs. */
export interface Shell {
  readonly command: StreamedCommand;
  /** Whether it is on a terminal: not when none was asked for, nor when the instance has no `script`. */
  readonly terminal: boolean;
  /** Tells what runs on the terminal that its window has another size. */
  resize(size: TerminalSize): Promise<void>;
}

/** What the script below says before the shell begins. */
const ON_TERMINAL = 't'.charCodeAt(0);

// `script` gives the terminal: bsdutils of Debian, util-linux elsewhere. It runs a string, so what varies comes in the
// environment.
const SHELL_SCRIPT = `
INGOT_ROWS=$1 INGOT_COLUMNS=$2 HOME=\${HOME:-/root}; export INGOT_ROWS INGOT_COLUMNS HOME
cd -- "$HOME" 2>/dev/null
shell=/bin/sh
if [ -x /bin/bash ]; then shell=/bin/bash; fi
if [ "$INGOT_ROWS" != 0 ] && command -v script >/dev/null && command -v stty >/dev/null; then
  printf t
  INGOT_SHELL=$shell SHELL=/bin/sh; export INGOT_SHELL SHELL
  exec script -qefc 'tty >"$INGOT_FILES.tty"; stty sane rows "$INGOT_ROWS" cols "$INGOT_COLUMNS"; SHELL=$INGOT_SHELL; unset INGOT_FILES INGOT_ROWS INGOT_COLUMNS INGOT_SHELL; exec "$SHELL" -l' /dev/null
fi
printf -- -
SHELL=$shell; export SHELL
unset INGOT_FILES INGOT_ROWS INGOT_COLUMNS
exec "$shell" -l
`;

const RESIZE_SCRIPT = 'stty -F "$(cat "$1.tty")" rows "$2" cols "$3"';

/**
 * Opens a login shell of root.
 * @param options.size of the terminal it is to be on; it reads a script from its stdin when absent
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
