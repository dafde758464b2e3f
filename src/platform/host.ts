/**
 * Host-wide allocations (uid ranges, ports, the network rules that all instances share), under `/run/ingot` so that two
 * data directories never collide. The register is an SQLite file, whose lock the kernel releases when its process ends.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { makePrivateFile } from './data-directory.ts';
import { newUuid } from './ids.ts';
import {
  METADATA_ADDRESS,
  networkRules,
  OUTBOUND_ADDRESSES,
  outboundAddress,
  REACH_EVERYTHING,
  rulesMark,
  TABLE,
  type NetworkMember,
  type Reach,
} from './network-rules.ts';
import { run } from './processes.ts';

/**
 * The directory for everything that does not outlive a boot: sockets, mount points, the register. Its path is short,
 * because socket paths have at most 107 bytes.
 */
export const RUN_DIRECTORY = '/run/ingot';

/**
 * The number of ids that a container has, 16,777,216. Directories of accounts (LDAP), and components that choose an id,
 * use ids far above 65,535.
 */
export const UIDS_OF_A_CONTAINER = 2 ** 24;
/**
 * Ranges start above 2^30, beyond what distributions and systemd use. The first part is reserved for containers of
 * earlier versions, which may still run.
 */
const FIRST_UID_RANGE = 2 ** 30 + UIDS_OF_A_CONTAINER;
/** 190: the range after the last one contains the id that means "none". */
const UID_RANGES = (2 ** 32 - FIRST_UID_RANGE) / UIDS_OF_A_CONTAINER - 1;

/**
 * The owner of an allocation. A data directory that no longer exists owns nothing, unless its owner still has a
 * directory below `RUN_DIRECTORY`: a process with other mounts (a service with its own `/tmp`) must not treat it as
 * deleted.
 */
export interface AllocationOwner {
  readonly dataDirectory: string;
  readonly owner: string;
}

// One operation at a time in this process: the register's lock belongs to a connection, and a busy wait would block the
// event loop.
let turn: Promise<unknown> = Promise.resolve();

function exclusively<T>(work: (db: DatabaseSync) => Promise<T> | T): Promise<T> {
  const mine = turn.then(async () => {
    mkdirSync(RUN_DIRECTORY, { recursive: true, mode: 0o755 });
    makePrivateFile(`${RUN_DIRECTORY}/host.db`);
    const db = new DatabaseSync(`${RUN_DIRECTORY}/host.db`, { timeout: 30_000 });
    try {
      db.exec('BEGIN IMMEDIATE');
      db.exec(
        'CREATE TABLE IF NOT EXISTS allocations (id TEXT PRIMARY KEY, kind TEXT NOT NULL, value INTEGER NOT NULL, ' +
          'data_directory TEXT NOT NULL, owner TEXT NOT NULL)',
      );
      db.exec(
        "CREATE UNIQUE INDEX IF NOT EXISTS allocations_once ON allocations (kind, value) WHERE kind <> 'network'",
      );
      // What a member of the network can reach, by its allocation: JSON of `Reach`. Absent means everything.
      db.exec('CREATE TABLE IF NOT EXISTS reaches (id TEXT PRIMARY KEY, reach TEXT NOT NULL)');
      try {
        const result = await work(db);
        db.exec('COMMIT');
        return result;
      } catch (error) {
        db.exec('ROLLBACK');
        throw error;
      }
    } finally {
      db.close();
    }
  });
  turn = mine.catch(() => {});
  return mine;
}

function insert(db: DatabaseSync, kind: string, value: number, owner: AllocationOwner): string {
  const id = `${kind}-${newUuid()}`;
  db.prepare('INSERT INTO allocations VALUES (?, ?, ?, ?, ?)').run(id, kind, value, owner.dataDirectory, owner.owner);
  return id;
}

function taken(db: DatabaseSync, kind: string): Set<number> {
  const rows = db.prepare('SELECT id, value, data_directory, owner FROM allocations WHERE kind = ?').all(kind) as {
    id: string;
    value: number;
    data_directory: string;
    owner: string;
  }[];
  const values = new Set<number>();
  for (const row of rows) {
    if (existsSync(row.data_directory) || existsSync(`${RUN_DIRECTORY}/${row.owner}`)) values.add(row.value);
    else db.prepare('DELETE FROM allocations WHERE id = ?').run(row.id);
  }
  return values;
}

/**
 * Allocates a range of `UIDS_OF_A_CONTAINER` uids that nothing else on this host uses.
 * @returns the first uid, and the id by which it is released
 */
export function allocateUidRange(owner: AllocationOwner): Promise<{ id: string; base: number }> {
  return exclusively((db) => {
    const used = taken(db, 'uids');
    for (let index = 0; index < UID_RANGES; index++) {
      if (!used.has(index))
        return { id: insert(db, 'uids', index, owner), base: FIRST_UID_RANGE + index * UIDS_OF_A_CONTAINER };
    }
    throw new Error(`all ${UID_RANGES} uid ranges are in use`);
  });
}

/**
 * Allocates a TCP port on loopback that nothing listens on and no other data directory has.
 * @returns the port, and the id by which it is released
 */
export function allocatePort(owner: AllocationOwner): Promise<{ id: string; port: number }> {
  return exclusively(async (db) => {
    const used = taken(db, 'port');
    for (;;) {
      const port = await freePort();
      if (!used.has(port)) return { id: insert(db, 'port', port, owner), port };
    }
  });
}

/** A TCP port on loopback that nothing currently listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/**
 * The number of the first outbound address that is allocated. Earlier versions shared the one before it, and their
 * instances may still run.
 */
const FIRST_OUTBOUND = 1;

/**
 * Joins the network that instances leave through, with a separate outbound address. The first to join creates the
 * rules, the last to leave removes them. The host's own addresses (all of them, not only loopback) and link-local
 * addresses are closed. `reach` says what else is open.
 */
export function joinNetwork(
  owner: AllocationOwner,
  reach: Reach = REACH_EVERYTHING,
): Promise<{ id: string; address: string }> {
  return exclusively(async (db) => {
    const used = await settleOutbound(db);
    let number = FIRST_OUTBOUND;
    while (used.has(number)) number++;
    if (number >= OUTBOUND_ADDRESSES) throw new Error(`all ${OUTBOUND_ADDRESSES} addresses of instances are in use`);
    const id = insert(db, 'outbound', number, owner);
    db.prepare('INSERT INTO reaches VALUES (?, ?)').run(id, JSON.stringify(reach));
    const address = outboundAddress(number);
    // A registration does not prove that the rules exist: someone may have flushed them.
    await makeNetwork(members(db), { fresh: address });
    return { id, address };
  });
}

/** Releases the outbound addresses of owners that no longer exist. Returns the numbers in use. */
async function settleOutbound(db: DatabaseSync): Promise<ReadonlySet<number>> {
  const before = members(db).map(({ address }) => address);
  const used = taken(db, 'outbound');
  const now = new Set(members(db).map(({ address }) => address));
  for (const address of before) if (!now.has(address)) await giveUp(address);
  db.exec('DELETE FROM reaches WHERE id NOT IN (SELECT id FROM allocations)');
  return used;
}

async function giveUp(address: string): Promise<void> {
  await run(['ip', 'address', 'del', `${address}/32`, 'dev', 'lo'], { okCodes: 'any' });
}

/** The outbound address that `joinNetwork` allocated. @throws {Error} if it was released */
export function addressOfNetwork(id: string): Promise<string> {
  return exclusively((db) => {
    const row = db.prepare('SELECT value FROM allocations WHERE id = ?').get(id) as { value: number } | undefined;
    if (row === undefined) throw new Error(`${id} was released: it no longer has an address`);
    return outboundAddress(row.value);
  });
}

/**
 * Restores the rules if they were flushed (a reloading firewall does that) while instances run: without them, this host
 * is open to instances. Called regularly.
 * @returns whether they were missing
 */
export function restoreNetwork(): Promise<boolean> {
  return exclusively(async (db) => {
    const all = members(db);
    if (all.length === 0) return false;
    const [rules, addresses] = [
      await run(['nft', 'list', 'table', 'ip', TABLE], { okCodes: 'any' }),
      await run(['ip', '-brief', 'address', 'show', 'dev', 'lo']),
    ];
    if (
      rules.code === 0 &&
      rules.stdout.includes(rulesMark(all)) &&
      all.every(({ address }) => addresses.stdout.includes(` ${address}/`))
    )
      return false;
    await makeNetwork(all);
    return true;
  });
}

function members(db: DatabaseSync): readonly NetworkMember[] {
  const rows = db
    .prepare("SELECT value, reach FROM allocations LEFT JOIN reaches USING (id) WHERE kind = 'outbound' ORDER BY value")
    .all() as { value: number; reach: string | null }[];
  return [...new Map(rows.map(({ value, reach }) => [value, reach]))].map(([value, reach]) => ({
    address: outboundAddress(value),
    reach: reach === null ? REACH_EVERYTHING : (JSON.parse(reach) as Reach),
  }));
}

/** Creates the network and its rules. It can be repeated. */
async function makeNetwork(all: readonly NetworkMember[], { fresh }: { readonly fresh?: string } = {}): Promise<void> {
  const addresses = (fresh === undefined ? all : all.filter(({ address }) => address === fresh)).map(
    ({ address }) => `address replace ${address}/32 dev lo`,
  );
  // In the table that is consulted last: if this host has no route, a request to the metadata service is not rejected
  // before the rules see it.
  await run(['ip', '-batch', '-'], {
    input: `${[...addresses, `route replace local ${METADATA_ADDRESS}/32 dev lo table default`].join('\n')}\n`,
  });
  await run(['nft', '-f', '-'], { input: networkRules(all, fresh === undefined ? {} : { fresh }) });
}

/**
 * Releases allocations of owners that no longer exist: a process may be killed between the allocation and the owner's
 * own record of it. Called at a start, before anything of this data directory allocates more.
 * @param living owners that keep theirs
 */
export async function releaseForgotten(dataDirectory: string, living: ReadonlySet<string>): Promise<number> {
  if (!existsSync(`${RUN_DIRECTORY}/host.db`)) return 0;
  const forgotten = await exclusively((db) => {
    const rows = db.prepare('SELECT id, owner FROM allocations WHERE data_directory = ?').all(dataDirectory) as {
      id: string;
      owner: string;
    }[];
    return rows.filter(({ owner }) => !living.has(owner)).map(({ id }) => id);
  });
  for (const id of forgotten) await releaseAllocation(id);
  return forgotten.length;
}

/** Releases a host-wide allocation. Unknown ids count as released. */
export function releaseAllocation(id: string): Promise<void> {
  return exclusively(async (db) => {
    const row = db.prepare('SELECT value FROM allocations WHERE id = ?').get(id) as { value: number } | undefined;
    db.prepare('DELETE FROM allocations WHERE id = ?').run(id);
    if (!id.startsWith('outbound-')) return;
    db.prepare('DELETE FROM reaches WHERE id = ?').run(id);
    const gone = row === undefined ? undefined : outboundAddress(row.value);
    await settleOutbound(db);
    const left = members(db);
    if (gone !== undefined) await giveUp(gone);
    if (left.length > 0) {
      if (gone !== undefined) await run(['nft', '-f', '-'], { input: networkRules(left, { gone }) });
      return;
    }
    await run(['nft', 'delete', 'table', 'ip', TABLE], { okCodes: 'any' });
    await run(['ip', 'route', 'del', 'local', `${METADATA_ADDRESS}/32`, 'dev', 'lo', 'table', 'default'], {
      okCodes: 'any',
    });
  });
}
