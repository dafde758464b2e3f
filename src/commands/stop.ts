/** `ingot stop`. */
import { signedJson } from '../platform/api-client.ts';
import { dataPath } from '../platform/data-layout.ts';
import { patient } from '../platform/patience.ts';
import { waitForExit } from '../platform/processes.ts';
import { runningServer } from '../service/server-file.ts';
import { connectToRunning, dataDirectoryOf } from './client.ts';
import { CommandFailed, type Arguments, type Command } from './command.ts';

/** A build that is given up takes its machines down first; a worker that does not answer has a minute, and a sweep follows it. */
const STOP_TIMEOUT_MS = 240_000;

export const stop: Command = {
  usage: 'stop [--data DIR]',
  help: `
Stops the server of a data directory and waits until it has ended. Builds at work end with it, and are marked FAILED; launched instances run on.
A worker process that does not answer for a minute is killed, and what it left is removed.

  --data DIR       the data directory (else INGOT_DATA, else /var/lib/ingot)

Example:
  ingot stop`,
  options: { data: { type: 'string' } },
  positionals: [],
  run,
};

async function run(args: Arguments): Promise<number> {
  const dataDirectory = dataDirectoryOf(args);
  const server = await runningServer(dataDirectory);
  const connection = server === undefined ? undefined : await connectToRunning(dataDirectory, 'us-east-1');
  if (server === undefined || connection === undefined) {
    process.stdout.write(`no server runs on ${dataDirectory}\n`);
    return 0;
  }
  await signedJson(connection, { method: 'POST', path: '/ingot/server/stop' });
  const longest = patient(STOP_TIMEOUT_MS);
  if (!(await waitForExit(server.pid, server.startTime, longest))) {
    throw new CommandFailed(
      `the server with pid ${server.pid} did not stop within ${longest / 1000} seconds; see its log, ${dataPath(dataDirectory, 'serverLog')}`,
    );
  }
  process.stdout.write(`stopped the server of ${dataDirectory}\n`);
  return 0;
}
