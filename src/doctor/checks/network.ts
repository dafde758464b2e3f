import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { resolvConf, startSlirp } from '../../instances/network.ts';
import { onlyLoopback, UPSTREAM_RESOLVERS } from '../../instances/resolvers.ts';
import { until } from '../../platform/clock.ts';
import { HELD_MARK } from '../../platform/held.ts';
import { ownProgram } from '../../platform/own-program.ts';
import { patient } from '../../platform/patience.ts';
import { PATIENCE_VARIABLES, run, start } from '../../platform/processes.ts';
import type { Check, Finding } from '../check.ts';
import type { InsideAnswer, InsideQuestion } from '../inside-network.ts';
import { inWorkspace } from '../../instances/workspace.ts';

const PROXIED = ': this host uses a proxy, which components must configure themselves';
const INSIDE = ownProgram(import.meta.url, '../inside-network.ts');

export const network: Check = {
  name: 'networks of instances',
  group: 'isolation',
  needed: true,
  packages: ['slirp4netns', 'nftables', 'iproute2', 'util-linux'],
  root: true,
  seconds: 30,
  async run({ mirror, signal }) {
    const { url, proxy } = await mirror();
    const address = ownAddresses().find((each) => !each.startsWith('127.') && !each.startsWith('169.254.'));
    // A service of the host that must not be reachable.
    const listener = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => listener.once('error', reject).listen(0, '0.0.0.0', resolve));
    try {
      const { port } = listener.address() as { port: number };
      const { hostname, port: given, protocol } = new URL(url);
      const question: InsideQuestion = {
        nameserver: resolvConf().trim().split(' ')[1]!,
        name: hostname,
        port: Number(given || (protocol === 'https:' ? 443 : 80)),
        // The second is the address of the host's loopback inside.
        closed: [...(address === undefined ? [] : [address]), '10.0.2.2'],
        closedPort: port,
      };
      const answer = await inWorkspace(async ({ directory, held, owner }) => {
        const id = await held.record({ kind: 'process', what: 'holder of a network namespace' });
        const holder = await start(['unshare', '--net', '--', 'sleep', String(Math.round(patient(60)))], {
          env: { [HELD_MARK]: id },
          stdio: ['ignore', 'ignore', 'ignore'],
        });
        await held.amend(id, {
          kind: 'process',
          what: 'holder of a network namespace',
          pid: holder.pid,
          startTime: holder.startTime,
        });
        const own = readlinkSync('/proc/self/ns/net');
        await until(
          'a network namespace',
          patient(5000),
          () => (readlinkSync(`/proc/${holder.pid}/ns/net`) === own ? undefined : true),
          { signal },
        );
        await startSlirp({
          target: { pid: holder.pid },
          interfaceName: 'tap0',
          directory,
          held,
          allocationOwner: owner,
          signal,
        });
        const { stdout } = await run(
          [
            'nsenter',
            '--target',
            String(holder.pid),
            '--net',
            '--',
            process.execPath,
            INSIDE,
            JSON.stringify(question),
          ],
          { signal, inherit: PATIENCE_VARIABLES },
        );
        return JSON.parse(stdout) as InsideAnswer;
      });
      const resolversOnLoopback = ['/etc/resolv.conf', UPSTREAM_RESOLVERS].every(
        (path) => !existsSync(path) || onlyLoopback(readFileSync(path, 'utf8')),
      );
      return networkVerdict(answer, {
        name: hostname,
        proxied: proxy !== undefined,
        resolversOnLoopback,
        addresses: ownAddresses(),
      });
    } finally {
      listener.close();
    }
  },
};

/** The host's IPv4 addresses, including loopback. */
function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ family }) => family === 'IPv4')
    .map(({ address }) => address);
}

/** The facts about the host. */
interface HostNetwork {
  /** The mirror's host name, which was resolved. */
  readonly name: string;
  readonly proxied: boolean;
  readonly resolversOnLoopback: boolean;
  readonly addresses: readonly string[];
}

/** The verdict. Pure. */
export function networkVerdict(answer: InsideAnswer, host: HostNetwork): Finding {
  if (answer.open.length > 0) {
    return {
      status: 'fail',
      detail:
        `an instance reaches this host at ${answer.open.join(', ')}, although Ingot blocks it (slirp4netns, and ` +
        'nftables: table ip ingot)',
    };
  }
  const closed = 'slirp4netns and nftables work, this host is closed to instances';
  if (answer.dns.failure !== undefined) {
    const why = host.resolversOnLoopback
      ? "; this host names only resolvers on its loopback, which instances may not reach: name the network's own " +
        'in /etc/resolv.conf'
      : '';
    return {
      status: host.proxied ? 'warn' : 'fail',
      detail: `${closed}, but an instance cannot resolve ${host.name} (${reasonOf(answer.dns.failure)})${why}`,
    };
  }
  if (answer.connection?.failure !== undefined) {
    if (host.addresses.includes(answer.dns.address ?? ''))
      return {
        status: 'warn',
        detail:
          `${closed}, so that an instance does not reach the package mirror ${host.name}, which is on this host ` +
          'itself: components that install packages fail',
      };
    return {
      status: 'warn',
      detail:
        `${closed}, names resolve, but an instance does not reach ${host.name} ` +
        `(${reasonOf(answer.connection.failure)})${host.proxied ? PROXIED : ''}`,
    };
  }
  return { status: 'ok', detail: `${closed}, and an instance resolves and reaches ${host.name}` };
}

/** The meaning of an error code of a resolver or a connection. */
function reasonOf(code: string): string {
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'refused',
    ETIMEOUT: 'no answer',
    ENOTFOUND: 'no such name',
    ENODATA: 'no IPv4 address',
    EHOSTUNREACH: 'no route',
    ENETUNREACH: 'no route',
  };
  return words[code] ?? code;
}
