/**
 * `server.json`: how clients find the running server of a data directory. Separate from the service, so that a client
 * does not load that.
 */
import { readFile } from 'node:fs/promises';
import { dataPath } from './data-layout.ts';
import { isSameProcess } from './processes.ts';

/** The facts about a running service in `server.json`. */
export interface ServerFile {
  readonly pid: number;
  /** Clock ticks since boot, which together with the pid identify it. */
  readonly startTime: string;
  readonly host: string;
  readonly port: number;
  readonly version: string;
}

/** The running server of a data directory, or `undefined`. */
export async function runningServer(dataDirectory: string): Promise<ServerFile | undefined> {
  try {
    const file = JSON.parse(await readFile(dataPath(dataDirectory, 'serverRecord'), 'utf8')) as ServerFile;
    return isSameProcess(file.pid, file.startTime) ? file : undefined;
  } catch {
    return undefined;
  }
}
