/** What a suite of tests on a data directory of its own begins and ends with: afterwards the host is as it was. */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { assertNothingLeft, hostState, type HostState } from './host-state.ts';
import { dataDirectoryWithBase, startServer, type TestServer } from './service.ts';

/** A suite on a data directory that has the base image. */
export interface DirectorySuite {
  /** What the host had before. */
  readonly state: HostState;
  readonly dataDirectory: string;
}

/** A suite with a server on that. */
export interface ServerSuite extends DirectorySuite {
  readonly server: TestServer;
}

/** Makes the data directory. */
export async function beginOnDirectory(): Promise<DirectorySuite> {
  const state = await hostState();
  return { state, dataDirectory: await dataDirectoryWithBase() };
}

/** Makes the data directory and starts a server on it. */
export async function beginOnServer(): Promise<ServerSuite> {
  const suite = await beginOnDirectory();
  return { ...suite, server: await startServer(suite.dataDirectory) };
}

/** Fails when anything is left, and removes the data directory. */
export async function endOnDirectory({ state, dataDirectory }: DirectorySuite): Promise<void> {
  await assertNothingLeft(state, dataDirectory);
  // Files of a process that is on its way out may still come.
  await rm(dirname(dataDirectory), { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** Stops the server, and ends as `endOnDirectory`. */
export async function endOnServer({ server, ...suite }: ServerSuite): Promise<void> {
  await server.stop();
  await endOnDirectory(suite);
}
