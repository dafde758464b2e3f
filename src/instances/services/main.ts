/** The process of an instance's services: `main.ts DIRECTORY`. `start.ts` starts it; it ends with the instance. */
import { readFileSync, writeSync } from 'node:fs';
import { INSTANCE_SERVICE_PORT, namesSet, TABLE } from '../../platform/network-rules.ts';
import { run } from '../../platform/processes.ts';
import { hostResolvers } from '../resolvers.ts';
import { nameServer } from './name-server.ts';
import { metadataServer } from './metadata-server.ts';
import { READY_FD, SERVICES_FILE, type ServicesFile } from './services-file.ts';

const { address, facts, metadata, names } = JSON.parse(
  readFileSync(`${process.argv[2]}/${SERVICES_FILE}`, 'utf8'),
) as ServicesFile;
/** Maximum lines of the log: requests of the instance determine their number, and they are in memory. */
const MOST_LINES = 10_000;
let lines = 0;
const log = (text: string): void => {
  if (++lines > MOST_LINES) return;
  process.stderr.write(
    `${new Date().toISOString()} ${text.slice(0, 1000)}\n${lines === MOST_LINES ? 'Nothing more is logged.\n' : ''}`,
  );
};

const listening: Promise<unknown>[] = [];
if (metadata !== undefined)
  listening.push(
    new Promise<void>((resolve) =>
      metadataServer(metadata, facts, address, log).listen(INSTANCE_SERVICE_PORT, address, resolve),
    ),
  );
if (names !== undefined)
  listening.push(
    new Promise<void>((resolve) =>
      nameServer({ names, resolvers: hostResolvers, open, log }, address).bind(INSTANCE_SERVICE_PORT, address, resolve),
    ),
  );
await Promise.all(listening);
writeSync(READY_FD, '1');

/** Opens endpoints to the instance. Open connections stay as long as new ones arrive. */
async function open(
  endpoints: readonly { readonly address: string; readonly port: number }[],
  seconds: number,
): Promise<void> {
  const set = namesSet(address);
  const all = (suffix: string): string =>
    `{ ${endpoints.map((each) => `${each.address} . ${each.port}${suffix}`).join(', ')} }`;
  await run(['nft', '-f', '-'], {
    input:
      `add element ip ${TABLE} ${set} ${all('')}\ndelete element ip ${TABLE} ${set} ${all('')}\nadd element ip ` +
      `${TABLE} ${set} ${all(` timeout ${seconds}s`)}\n`,
  });
}
