/**
 * The network of an instance: slirp4netns between the instance's network namespace and the host, with the host's own
 * addresses closed. For all drivers with network namespaces.
 */
import { readScript } from '../platform/scripts.ts';
import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { sleep, until } from '../platform/clock.ts';
import { HELD_MARK, type HeldRecorder } from '../platform/held.ts';
import { addressOfNetwork, joinNetwork, type AllocationOwner } from '../platform/host.ts';
import type { Reach } from '../platform/network-rules.ts';
import { patient } from '../platform/patience.ts';
import { isSameProcess, start } from '../platform/processes.ts';
import { intoRingFiles, ringTail } from '../platform/ring-file.ts';
import type { PublishedPort } from './instance.ts';
import { reachableResolver } from './resolvers.ts';

/** The default network of an instance. */
export const INSTANCE_NETWORK = '10.0.2.0/24';

/** The MAC address of an instance, from its id: locally administered, as on EC2. */
export function macOf(id: string): string {
  const bytes = createHash('sha256').update(id).digest('hex').slice(0, 10);
  return `0a:${bytes.match(/../g)!.join(':')}`;
}

/** Options of slirp4netns. */
export interface SlirpRequest {
  /** The namespace that it serves: that of a process, or one with a path. */
  readonly target: { readonly pid: number } | { readonly netns: string };
  /** Name of the interface that it creates in the namespace. */
  readonly interfaceName: string;
  /** Existing directory for its log and sockets. */
  readonly directory: string;
  readonly held: HeldRecorder;
  readonly allocationOwner: AllocationOwner;
  /** Opens the socket that `publishPorts` needs. Default `false`. */
  readonly apiSocket?: boolean;
  /** IPv4 network of the instance (default: `10.0.2.0/24`). */
  readonly cidr?: string;
  /** MAC address of the interface; random if absent. */
  readonly mac?: string;
  readonly signal?: AbortSignal;
}

/**
 * The address that the owner's traffic leaves from. The first call adds the owner to the host's network rules.
 * @param reach what the owner may reach (default: everything). Only the first call counts
 */
export async function outboundAddressOf(held: HeldRecorder, owner: AllocationOwner, reach?: Reach): Promise<string> {
  for (const { thing } of await held.list())
    if (thing.kind === 'allocation' && thing.id.startsWith('outbound-')) return addressOfNetwork(thing.id);
  const { id, address } = await joinNetwork(owner, reach);
  await held.record({ kind: 'allocation', id });
  return address;
}

/** A running slirp4netns. */
export interface Slirp {
  readonly pid: number;
  readonly startTime: string;
  /** Record of its process. Releasing it ends the network. */
  readonly heldId: string;
  readonly apiSocket?: string;
}

const LOG_TAIL_BYTES = 64 << 10;
const READY_FD = 3;
const NETNS_FD = 4;

const SLIRP = readScript(import.meta.url, 'slirp.sh');

/**
 * Its command. It writes `1` to file descriptor 3 when the interface is up; descriptor 4 is the namespace if that has a
 * path.
 *
 * The sandbox of slirp4netns keeps a copy of all mounts below `/run`, which would keep other instances' disks busy
 * after they are unmounted, and leaving the old root unmounts `/run/netns/*` on the host. So it starts in a mount
 * namespace whose `/run` is the bare file system, and `resolver` (if any) its `/etc/resolv.conf`.
 */
export function slirpArguments(
  request: Pick<SlirpRequest, 'target' | 'interfaceName' | 'cidr' | 'mac'>,
  outbound: string,
  apiSocket?: string,
  resolver?: string,
): string[] {
  return [
    'unshare',
    '--mount',
    '--propagation=slave',
    '--',
    '/bin/sh',
    '-c',
    SLIRP,
    'sh',
    resolver ?? '',
    'slirp4netns',
    '--configure',
    '--mtu=65520',
    '--disable-host-loopback',
    '--enable-sandbox',
    '--enable-seccomp',
    `--outbound-addr=${outbound}`,
    `--cidr=${request.cidr ?? INSTANCE_NETWORK}`,
    ...(request.mac === undefined ? [] : [`--macaddress=${request.mac}`]),
    `--ready-fd=${READY_FD}`,
    ...(apiSocket === undefined ? [] : [`--api-socket=${apiSocket}`]),
    ...('pid' in request.target ? [String(request.target.pid)] : ['--netns-type=path', `/proc/self/fd/${NETNS_FD}`]),
    request.interfaceName,
  ];
}

/**
 * Connects an instance's network namespace with the outside and waits until its interface is up. The first call adds
 * the owner to the host's network rules. It outlives this process.
 * @throws {Error} with slirp4netns's message
 */
export async function startSlirp(request: SlirpRequest): Promise<Slirp> {
  const { held, directory } = request;
  const outbound = await outboundAddressOf(held, request.allocationOwner);
  const readyPath = `${directory}/slirp.ready`;
  const logPath = `${directory}/slirp.log`;
  const apiSocket = request.apiSocket ? `${directory}/slirp.sock` : undefined;
  if (apiSocket !== undefined) await rm(apiSocket, { force: true });
  const heldId = await held.record({ kind: 'process', what: 'slirp4netns' });
  // Files, not pipes: it outlives this process.
  const ready = await open(readyPath, 'w', 0o600);
  const netns = 'netns' in request.target ? await open(request.target.netns, 'r') : undefined;
  try {
    const command = intoRingFiles(
      { '1,2': logPath },
      slirpArguments(request, outbound, apiSocket, await reachableResolver()),
    );
    const { pid, startTime, unref } = await start(command, {
      // Its command line does not show which instance it is for.
      env: { [HELD_MARK]: heldId, INGOT_INSTANCE_DIRECTORY: directory },
      stdio: ['ignore', 'ignore', 'ignore', ready.fd, ...(netns ? [netns.fd] : [])],
      detached: true,
    });
    unref();
    await held.amend(heldId, { kind: 'process', what: 'slirp4netns', pid, startTime });
    await until(
      'slirp4netns to bring the network up',
      patient(10_000),
      async () => {
        if ((await ready.stat()).size > 0) return true;
        if (isSameProcess(pid, startTime)) return undefined;
        await sleep(100); // Its last output is still being written.
        throw new Error(
          'slirp4netns ended at its start: ' +
            `${slirpComplaint((await ringTail(logPath, LOG_TAIL_BYTES)).toString('utf8'))}`,
        );
      },
      request.signal ? { everyMs: 2, signal: request.signal } : { everyMs: 2 },
    );
    return { pid, startTime, heldId, apiSocket };
  } finally {
    await ready.close();
    await netns?.close();
  }
}

/**
 * slirp4netns's error message, without the lines of every start. Pure.
 * @param log its whole output
 */
export function slirpComplaint(log: string): string {
  const lines = log
    .trim()
    .split('\n')
    .filter((line) => !/^(\* |WARNING: Support for |Starting slirp|sent tapfd=|received tapfd=)/.test(line));
  return lines.slice(-5).join('; ') || 'without a message';
}

/** A TCP port of the host that forwards into the namespace. */
interface HostForward {
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly guestPort: number;
  /** Default: the address of the interface that slirp4netns made. */
  readonly guestAddress?: string;
}

/**
 * Opens a port of the host that leads to a port in the namespace, for as long as slirp4netns runs.
 * @throws {Error} if the port is in use, or slirp4netns does not answer within 5 s
 */
async function addHostForward(apiSocket: string, forward: HostForward): Promise<void> {
  const request = {
    execute: 'add_hostfwd',
    arguments: {
      proto: 'tcp',
      host_addr: forward.hostAddress,
      host_port: forward.hostPort,
      guest_port: forward.guestPort,
      guest_addr: forward.guestAddress,
    },
  };
  const answer = JSON.parse(await ask(apiSocket, JSON.stringify(request))) as { error?: { desc?: string } };
  if (answer.error) {
    throw new Error(
      `port ${forward.hostPort} on ${forward.hostAddress} cannot be published ` +
        `(${answer.error.desc ?? 'no reason given'}): something may listen there already`,
    );
  }
}

/**
 * Opens the ports that an instance publishes.
 * @param guestAddress default: the address of the interface that slirp4netns made
 * @throws {Error} if a port is in use, or slirp4netns does not answer within 5 s
 */
export async function publishPorts(
  { apiSocket }: Slirp,
  ports: readonly PublishedPort[],
  guestAddress?: string,
): Promise<void> {
  for (const { hostAddress = '127.0.0.1', hostPort, instancePort } of ports)
    await addHostForward(apiSocket!, { hostAddress, hostPort, guestPort: instancePort, guestAddress });
}

/** Maximum characters of an answer. */
const ANSWER_LENGTH = 64 << 10;

/** Sends one request and reads the answer. slirp4netns answers when our side of the connection is shut down. */
async function ask(socketPath: string, request: string): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await new Promise<string>((resolve, reject) => {
        const socket = connect({ path: socketPath, allowHalfOpen: true });
        let text = '';
        socket.setTimeout(5000, () => socket.destroy(new Error(`no answer from ${socketPath} within 5 s`)));
        socket.setEncoding('utf8');
        socket.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > ANSWER_LENGTH)
            socket.destroy(new Error(`${socketPath} answered more than ${ANSWER_LENGTH} characters`));
        });
        socket.on('error', reject);
        socket.on('end', () => {
          socket.end();
          resolve(text);
        });
        socket.end(request);
      });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if ((code !== 'ENOENT' && code !== 'ECONNREFUSED') || attempt >= 100) throw error;
      await sleep(10);
    }
  }
}

/**
 * Content of `resolv.conf` in an instance: slirp4netns answers at the third address of its network and forwards to the
 * host's resolvers.
 */
export function resolvConf(cidr: string = INSTANCE_NETWORK): string {
  const [network] = cidr.split('/');
  return `nameserver ${network!.split('.').slice(0, 3).join('.')}.${Number(network!.split('.')[3]) + 3}\n`;
}
