/** Waiting for a launched instance. */
import { RequestRefused, signedJson, type Connection } from '../platform/api-client.ts';
import { DeadlineError, until } from '../platform/clock.ts';
import { patient } from '../platform/patience.ts';
import { CommandFailed } from './command.ts';
import type { InstanceDescription } from './instances.ts';

// An emulated machine takes up to a minute for a cold start; a slow host several.
const RUNNING_TIMEOUT_MS = 15 * 60_000;
const GONE_TIMEOUT_MS = 3 * 60_000;

/** The current state of the instance. */
function describeInstance(connection: Connection, id: string): Promise<InstanceDescription> {
  return signedJson<InstanceDescription>(connection, { method: 'GET', path: `/ingot/instances/${id}` });
}

/**
 * Waits until an instance is running.
 * @throws {CommandFailed} with the reason, if it failed or terminated
 */
export async function waitUntilRunning(
  connection: Connection,
  id: string,
  signal: AbortSignal,
): Promise<InstanceDescription> {
  return deadline(
    until(
      `${id} to be up`,
      patient(RUNNING_TIMEOUT_MS),
      async () => {
        const instance = await describeInstance(connection, id);
        if (instance.state === 'running') return instance;
        if (instance.state === 'pending') return undefined;
        throw new CommandFailed(`${id} did not come up: ${instance.reason ?? instance.state}`);
      },
      { everyMs: 250, signal },
    ),
  );
}

/** Waits until an instance has ended. */
export async function waitUntilGone(connection: Connection, id: string): Promise<void> {
  await deadline(
    until(
      `${id} to end`,
      patient(GONE_TIMEOUT_MS),
      async () => ((await stateOf(connection, id)) === 'terminated' ? true : undefined),
      { everyMs: 200 },
    ),
  );
}

/** The state of an instance; one that is no longer listed is terminated. */
export async function stateOf(connection: Connection, id: string): Promise<string> {
  try {
    const { state } = await describeInstance(connection, id);
    return state === 'failed' ? 'terminated' : state;
  } catch (error) {
    if (error instanceof RequestRefused && error.status === 404) return 'terminated';
    throw error;
  }
}

/** Why an instance ended by itself; `undefined` if it did not, or if its program succeeded. */
export async function reasonOf(connection: Connection, id: string): Promise<string | undefined> {
  try {
    return (await describeInstance(connection, id)).reason;
  } catch (error) {
    if (error instanceof RequestRefused && error.status === 404) return undefined;
    throw error;
  }
}

async function deadline<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof DeadlineError) throw new CommandFailed(error.message);
    throw error;
  }
}
