/** `ingot stop`. */
import { signedJson } from '../platform/api-client.ts';
import { dataPath } from '../platform/data-layout.ts';
import { patient } from '../platform/patience.ts';
import { waitForExit } from '../platform/processes.ts';
import { runningServer } from '../service/server-file.ts';
import { CLIENT_OPTIONS, connectToRunning, dataDirectoryOf } from './client.ts';
import { CommandFailed, type Arguments, type Command } from './command.ts';

/** An aborted build terminates its machines first; an unresponsive worker gets a minute, followed by a sweep. */
const STOP_TIMEOUT_MS = 240_000;

export const stop: Command = {
  usage: 'stop [OPTIONS]',
  about: `
Stops the server of the data directory and waits until it has exited. Running builds stop and become FAILED. Launched
instances keep running. A worker process that does not respond for a minute is killed and cleaned up after.`,
  options: { data: CLIENT_OPTIONS['data']! },
  examples: ['ingot stop'],
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
      `the server with pid ${server.pid} did not stop within ${longest / 1000} seconds; see its log, ` +
        `${dataPath(dataDirectory, 'serverLog')}`,
    );
  }
  process.stdout.write(`stopped the server of ${dataDirectory}\n`);
  return 0;
}
