/** The process's own log (pino, JSON lines on stderr). Output of a build goes to the image's log instead. */
import { pino, stdSerializers, type Logger } from 'pino';

export type { Logger };

let root: Logger | undefined;

/** The logger of this process; `INGOT_LOG` sets its level (default: `info`). */
export function logger(): Logger {
  if (root !== undefined) return root;
  const destination = pino.destination({ dest: 2, sync: true });
  // A line that cannot be written (on a full disk) must not end the process.
  destination.on('error', () => {});
  root = pino(
    {
      level: process.env['INGOT_LOG'] ?? 'info',
      base: { pid: process.pid },
      serializers: { error: stdSerializers.err },
    },
    destination,
  );
  return root;
}
