/** How a command finds its server, or starts one. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Connection } from '../platform/api-client.ts';
import { DeadlineError, until } from '../platform/clock.ts';
import { readCredentials } from '../platform/credentials.ts';
import { DataDirectoryError, takeDataDirectory } from '../platform/data-directory.ts';
import { dataPath } from '../platform/data-layout.ts';
import { ownProgram } from '../platform/own-program.ts';
import { patient } from '../platform/patience.ts';
import { isSameProcess, start } from '../platform/processes.ts';
import { regionFault } from '../resources/regions.ts';
import { runningServer, type ServerFile } from '../platform/server-file.ts';
import { SERVER_FLAGS } from '../service/server-flags.ts';
import { type Arguments, CommandFailed, WrongUse, type CommandOption } from './command.ts';

/** Options of every command that connects to a server. */
export const CLIENT_OPTIONS: Readonly<Record<string, CommandOption>> = {
  data: { value: 'DIR', help: 'data directory', default: '$INGOT_DATA, or /var/lib/ingot' },
  region: { value: 'REGION', help: 'Region', default: '$AWS_REGION, or us-east-1' },
};

const START_TIMEOUT_MS = 60_000;
/** Seconds without work after which a server that a command started exits. */
const IDLE_EXIT_SECONDS = 60;

/** The absolute path of the data directory from the arguments or the environment. */
export function dataDirectoryOf(args: Arguments): string {
  const given = args.text('data') ?? (process.env['INGOT_DATA'] || undefined) ?? '/var/lib/ingot';
  if (given === '') throw new WrongUse("invalid value '' for --data: expected a directory");
  return resolve(given);
}

/** The Region from the arguments or the environment. */
export function regionOf(args: Arguments): string {
  const region = args.text('region') ?? (process.env['AWS_REGION'] || process.env['AWS_DEFAULT_REGION'] || 'us-east-1');
  const fault = regionFault(region);
  if (fault !== undefined) throw new WrongUse(fault);
  return region;
}

/** A connection to the server of the data directory. Starts one in the background if none is running. */
export async function connect(args: Arguments): Promise<Connection> {
  return connectTo(dataDirectoryOf(args), regionOf(args));
}

/**
 * As `connect`, for a directory and a Region.
 * @throws {CommandFailed} if no server could be started, with the end of its log
 */
export async function connectTo(dataDirectory: string, region: string): Promise<Connection> {
  const server = (await runningServer(dataDirectory)) ?? (await startInBackground(dataDirectory));
  return connectionOf(dataDirectory, server, region);
}

/** A connection to the running server, or `undefined`. */
export async function connectToRunning(dataDirectory: string, region: string): Promise<Connection | undefined> {
  const server = await runningServer(dataDirectory);
  return server === undefined ? undefined : connectionOf(dataDirectory, server, region);
}

async function connectionOf(dataDirectory: string, server: ServerFile, region: string): Promise<Connection> {
  let credentials;
  try {
    credentials = await readCredentials(dataDirectory);
  } catch (error) {
    throw new CommandFailed(`cannot read the credentials of ${dataDirectory}: ${(error as Error).message}`);
  }
  if (credentials === undefined)
    throw new CommandFailed(`${dataPath(dataDirectory, 'credentials')} is missing, although a server is running`);
  return { host: server.host, port: server.port, region, credentials };
}

async function startInBackground(dataDirectory: string): Promise<ServerFile> {
  const logPath = dataPath(dataDirectory, 'serverLog');
  let log: number;
  try {
    takeDataDirectory(dataDirectory);
    log = openSync(logPath, 'a', 0o600);
  } catch (error) {
    if (error instanceof DataDirectoryError) throw error;
    throw new CommandFailed(`cannot use the data directory ${dataDirectory}: ${(error as Error).message}`);
  }
  const main = ownProgram(import.meta.url, './main.ts');
  // A free port, because 8700 is for the server that a user starts with `serve`.
  const argv = [
    process.execPath,
    ...SERVER_FLAGS,
    main,
    'serve',
    '--data',
    dataDirectory,
    '--port',
    '0',
    '--idle-exit',
    String(IDLE_EXIT_SECONDS),
  ];
  // Like one that the user starts with `serve`, the server gets the whole environment, for its worker.
  const child = await start(argv, { inherit: 'all', detached: true, stdio: ['ignore', log, log], cwd: '/' });
  closeSync(log);
  child.unref();
  try {
    return await until(
      'the server to start',
      patient(START_TIMEOUT_MS),
      async () => {
        const server = await runningServer(dataDirectory);
        if (server !== undefined) return server;
        if (isSameProcess(child.pid, child.startTime)) return undefined;
        // Two commands started a server at the same time: the one without the lock exits, and the other will respond
        // soon.
        if (/DataDirectoryBusy|is in use by/.test(tailOf(logPath, 3))) return undefined;
        throw new CommandFailed(`the server exited while starting; last lines of ${logPath}:\n${tailOf(logPath, 10)}`);
      },
      { everyMs: 50 },
    );
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    throw new CommandFailed(`${error.message}; last lines of ${logPath}:\n${tailOf(logPath, 10)}`);
  }
}

function tailOf(path: string, count: number): string {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
}
