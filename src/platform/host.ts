/**
 * What is host-wide (uid ranges, ports, the network rules that all instances share), allotted under `/run/ingot` so that two
 * data directories never collide. The register is an SQLite file there: the kernel drops its lock with the process that held it.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { newUuid } from './ids.ts';
import { run } from './processes.ts';

/** Where everything lives that does not outlast a boot: sockets, mount points, the register. Short, since socket paths end at 107 bytes. */
export const RUN_DIRECTORY = '/run/ingot';

/** The address instances' traffic leaves from; the rules below know it by that. Benchmark range (RFC 2544), used by nobody's network. */
export const OUTBOUND_ADDRESS = '198.18.0.1';

const UID_RANGE = 65536;
const FIRST_UID_RANGE = 16384; // times 65536: 1,073,741,824, above what distributions and systemd hand out
const UID_RANGES = 16384;

/**
 * What allots and to whom it belongs. A data directory that no longer exists owns nothing, unless the owner still has its folder below
 * `RUN_DIRECTORY`: a process that sees other mounts (a service with a `/tmp` of its own) must not take it for gone.
 */
export interface AllocationOwner {
  readonly dataDirectory: string;
  readonly owner: string;
}

// One operation at a time in this process: the register's lock is per connection, and a busy wait would block the event loop.
let turn: Promise<unknown> = Promise.resolve();

function exclusively<T>(work: (db: DatabaseSync) => Promise<T> | T): Promise<T> {
  const mine = turn.then(async () => {
    mkdirSync(RUN_DIRECTORY, { recursive: true, mode: 0o755 });
    const db = new DatabaseSync(`${RUN_DIRECTORY}/host.db`, { timeout: 30_000 });
    try {
      db.exec('BEGIN IMMEDIATE');
      db.exec('CREATE TABLE IF NOT EXISTS allocations (id TEXT PRIMARY KEY, kind TEXT NOT NULL, value INTEGER NOT NULL, data_directory TEXT NOT NULL, owner TEXT NOT NULL)');
      db.exec('CREATE UNIQUE INDEX IF NOT EXISTS allocations_once ON allocations (kind, value) WHERE kind <> \'network\'');
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
  const rows = db.prepare('SELECT id, value, data_directory, owner FROM allocations WHERE kind = ?').all(kind) as { id: string; value: number; data_directory: string; owner: string }[];
  const values = new Set<number>();
  for (const row of rows) {
    if (existsSync(row.data_directory) || existsSync(`${RUN_DIRECTORY}/${row.owner}`)) values.add(row.value);
    else db.prepare('DELETE FROM allocations WHERE id = ?').run(row.id);
  }
  return values;
}

/**
 * A range of 65,536 uids that nobody else on this host uses.
 * @returns the first uid, and the id by which it is let go
 */
export function allocateUidRange(owner: AllocationOwner): Promise<{ id: string; base: number }> {
  return exclusively((db) => {
    const used = taken(db, 'uid-range');
    for (let index = 0; index < UID_RANGES; index++) {
      if (!used.has(index)) return { id: insert(db, 'uid-range', index, owner), base: (FIRST_UID_RANGE + index) * UID_RANGE };
    }
    throw new Error(`all ${UID_RANGES} uid ranges are in use`);
  });
}

/**
 * A TCP port on loopback that nothing listens on and no other data directory was given.
 * @returns the port, and the id by which it is let go
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

function freePort(): Promise<number> {
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
 * Joins the network that instances leave through: the first to join makes the outbound address and the rules, the last to leave removes them.
 * Closed to instances: the host's own addresses (all of them, not just loopback) and link-local. Open: the rest, private ranges included.
 */
export function joinNetwork(owner: AllocationOwner): Promise<{ id: string }> {
  return exclusively(async (db) => {
    // A registration proves nothing about the rules: someone may have flushed them.
    await makeNetwork();
    return { id: insert(db, 'network', 0, owner) };
  });
}

/**
 * Makes the rules again where somebody flushed them (a firewall that reloads does) while instances are there: without them nothing of this
 * host is closed to instances. To be asked from time to time.
 * @returns whether they were gone
 */
export function restoreNetwork(): Promise<boolean> {
  return exclusively(async (db) => {
    if (taken(db, 'network').size === 0) return false;
    const [rules, address] = [await run(['nft', 'list', 'table', 'ip', 'ingot'], { okCodes: 'any' }), await run(['ip', '-brief', 'address', 'show', 'dev', 'lo'])];
    if (rules.code === 0 && rules.stdout.includes('fib daddr') && address.stdout.includes(`${OUTBOUND_ADDRESS}/`)) return false;
    await makeNetwork();
    return true;
  });
}

/** Can be repeated. */
async function makeNetwork(): Promise<void> {
  await run(['ip', 'address', 'replace', `${OUTBOUND_ADDRESS}/32`, 'dev', 'lo']);
  await run(['nft', '-f', '-'], { input: networkRules() });
}

function networkRules(): string {
  return `table ip ingot
delete table ip ingot
table ip ingot {
  chain output {
    type filter hook output priority filter; policy accept;
    ip saddr ${OUTBOUND_ADDRESS} ip daddr 169.254.0.0/16 reject
    ip saddr ${OUTBOUND_ADDRESS} fib daddr type local reject
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${OUTBOUND_ADDRESS} masquerade
  }
}
`;
}

/**
 * Lets go what a data directory was given for owners that are no more: between the giving and the owner's own record of it, its
 * process may have been killed. For a start, before anything of this data directory takes more.
 * @param living owners that keep theirs
 */
export async function releaseForgotten(dataDirectory: string, living: ReadonlySet<string>): Promise<number> {
  if (!existsSync(`${RUN_DIRECTORY}/host.db`)) return 0;
  const forgotten = await exclusively((db) => {
    const rows = db.prepare('SELECT id, owner FROM allocations WHERE data_directory = ?').all(dataDirectory) as { id: string; owner: string }[];
    return rows.filter(({ owner }) => !living.has(owner)).map(({ id }) => id);
  });
  for (const id of forgotten) await releaseAllocation(id);
  return forgotten.length;
}

/** Lets a host-wide thing go. Unknown ids are let go already. */
export function releaseAllocation(id: string): Promise<void> {
  return exclusively(async (db) => {
    db.prepare('DELETE FROM allocations WHERE id = ?').run(id);
    if (!id.startsWith('network-') || taken(db, 'network').size > 0) return;
    await run(['nft', 'delete', 'table', 'ip', 'ingot'], { okCodes: 'any' });
    await run(['ip', 'address', 'del', `${OUTBOUND_ADDRESS}/32`, 'dev', 'lo'], { okCodes: 'any' });
  });
}
