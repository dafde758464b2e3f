/** Starts the process of an instance's services: metadata, and names if its network is restricted. */
import { open, readFile, writeFile } from 'node:fs/promises';
import { until } from '../../platform/clock.ts';
import { compileCacheEnvironment } from '../../platform/compile-cache.ts';
import { HELD_MARK } from '../../platform/held.ts';
import { ownProgram } from '../../platform/own-program.ts';
import { patient } from '../../platform/patience.ts';
import { isSameProcess, PATIENCE_VARIABLES, start } from '../../platform/processes.ts';
import type { LaunchRequest } from '../instance.ts';
import { macOf, outboundAddressOf } from '../network.ts';
import type { InstanceFacts } from './metadata.ts';
import { SERVICES_FILE, type ServicesFile } from './services-file.ts';

const MAIN = ownProgram(import.meta.url, './main.ts');
/** Megabytes of its heap: requests of an instance are small, and their data is never stored. */
const HEAP = 64;

/**
 * Adds the instance to the network rules with what it may reach, and starts the process of its services if it has any.
 * @param place the instance's own address, and its network
 * @returns `ready`, which resolves when the services respond; the record of their process, whose open files keep the
 * instance's directory busy
 * @throws {Error} if they cannot be started
 */
export async function startInstanceServices(
  request: LaunchRequest,
  place: Pick<InstanceFacts, 'address' | 'network'>,
): Promise<{ readonly ready: () => Promise<void>; readonly heldId?: string }> {
  const { directory, held, metadata, reach } = request;
  const address = await outboundAddressOf(held, request.allocationOwner, request.reach);
  const names = reach === undefined || reach.everything || reach.names.length === 0 ? undefined : reach.names;
  if (metadata === undefined && names === undefined) return { ready: async () => {} };
  const facts = { id: request.id, ...place, mac: macOf(request.id) };
  const file: ServicesFile = {
    facts,
    address,
    metadata,
    names,
  };
  await writeFile(`${directory}/${SERVICES_FILE}`, JSON.stringify(file), { mode: 0o600 });
  const what = 'services of an instance';
  const heldId = await held.record({ kind: 'process', what });
  // Files, not pipes: it outlives this process.
  const readyPath = `${directory}/services.ready`;
  const logPath = `${directory}/services.log`;
  const ready = await open(readyPath, 'w', 0o600);
  const log = await open(logPath, 'a', 0o600);
  try {
    const { pid, startTime, unref } = await start([process.execPath, `--max-old-space-size=${HEAP}`, MAIN, directory], {
      inherit: PATIENCE_VARIABLES,
      env: { [HELD_MARK]: heldId, ...compileCacheEnvironment() },
      stdio: ['ignore', log.fd, log.fd, ready.fd],
      detached: true,
    });
    unref();
    await held.amend(heldId, { kind: 'process', what, pid, startTime });
    return {
      heldId,
      ready: async () =>
        void (await until(
          'the metadata service to answer',
          patient(10_000),
          async () => {
            if ((await readFile(readyPath)).length > 0) return true;
            if (!isSameProcess(pid, startTime))
              throw new Error(
                'the metadata service ended at its start: ' +
                  `${(await readFile(logPath, 'utf8')).trim().split('\n').slice(-3).join('; ')}`,
              );
            return undefined;
          },
          { everyMs: 5, signal: request.signal },
        )),
    };
  } finally {
    await ready.close();
    await log.close();
  }
}
