/** `ingot stop`. */
import { signedJson } from '../platform/api-client.ts';
import { dataPath } from '../platform/data-layout.ts';
import { patient } from '../platform/patience.ts';
import { waitForExit } from '../platform/processes.ts';
import { runningServer } from '../platform/server-file.ts';
import { CLIENT_OPTIONS, connectToRunning, dataDirectoryOf } from './client.ts';
import { INGOT } from '../platform/own-program.ts';
import { CommandFailed, type Arguments, type Command } from './command.ts';

/**
 * Work that is interrupted takes its machines down first; a worker that does not answer has a minute, and a sweep
 * follows it.
 */
const STOP_TIMEOUT_MS = 240_000;

export const stop: Command = {
  usage: 'stop [OPTIONS]',
  about: `
Stops the server of the data directory and waits until it has exited. Running builds finish first, and no other begins:
waiting builds begin when a server runs again. With --now, running builds are interrupted; the next server continues
each of them from its last finished step or component. Launched instances keep running. A worker process that does not
respond for a minute is killed and cleaned up after.`,
  options: {
    now: { help: 'interrupt running builds; the next server continues them' },
    data: CLIENT_OPTIONS['data']!,
  },
  examples: ['ingot stop', 'ingot stop --now'],
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
  const now = args.flag('now');
  const { inWork } = await signedJson<{ readonly inWork: readonly string[] }>(connection, {
    method: 'POST',
    path: '/ingot/server/stop',
    query: { now: String(now) },
  });
  if (!now && inWork.length > 0)
    process.stderr.write(
      `waiting until ${inWork.map((arn) => arn.replace(/^.*:image\//, '')).join(', ')} ` +
        `${inWork.length === 1 ? 'has' : 'have'} finished; to interrupt and continue later: ${INGOT} stop --now\n`,
    );
  // How long builds take is theirs.
  const longest = now || inWork.length === 0 ? patient(STOP_TIMEOUT_MS) : Infinity;
  if (!(await waitForExit(server.pid, server.startTime, longest))) {
    throw new CommandFailed(
      `the server with pid ${server.pid} did not stop within ${longest / 1000} seconds; see its log, ` +
        `${dataPath(dataDirectory, 'serverLog')}`,
    );
  }
  process.stdout.write(`stopped the server of ${dataDirectory}\n`);
  return 0;
}
