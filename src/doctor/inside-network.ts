/**
 * The check of networks runs this inside an instance's network namespace: `inside-network.ts QUESTION`. It prints its
 * findings as JSON.
 */
import { Resolver } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { argv, stdout } from 'node:process';
import { patient } from '../platform/patience.ts';

/** What to find out. */
export interface InsideQuestion {
  readonly nameserver: string;
  readonly name: string;
  readonly port: number;
  /** Addresses that must not be reachable. */
  readonly closed: readonly string[];
  readonly closedPort: number;
}

/** The findings. A failure is a few words. */
export interface InsideAnswer {
  readonly dns: { readonly address?: string; readonly failure?: string };
  readonly connection?: { readonly failure?: string };
  /** Those of `closed` that were reached. */
  readonly open: readonly string[];
}

const PATIENCE_MS = 5000;
/** How long to try a closed address, which refuses or drops packets; connections to this host need less time. */
const CLOSED_PATIENCE_MS = 1500;

if (argv[2] !== undefined && import.meta.main)
  stdout.write(JSON.stringify(await answer(JSON.parse(argv[2]) as InsideQuestion)));

async function answer(question: InsideQuestion): Promise<InsideAnswer> {
  const [dns, ...failures] = await Promise.all([
    resolve(question),
    ...question.closed.map((address) => attempt(address, question.closedPort, patient(CLOSED_PATIENCE_MS))),
  ]);
  const open = question.closed.filter((_, index) => failures[index] === undefined);
  if (dns.address === undefined) return { dns, open };
  const failure = await attempt(dns.address, question.port);
  return { dns, connection: failure === undefined ? {} : { failure }, open };
}

async function resolve({ nameserver, name }: InsideQuestion): Promise<InsideAnswer['dns']> {
  if (isIP(name) !== 0) return { address: name };
  const resolver = new Resolver({ timeout: patient(2000), tries: 2 });
  resolver.setServers([nameserver]);
  try {
    return { address: (await resolver.resolve4(name))[0]! };
  } catch (error) {
    return { failure: (error as NodeJS.ErrnoException).code ?? (error as Error).message };
  }
}

/** Why a connection failed; `undefined` if it did not. */
function attempt(host: string, port: number, patienceMs = patient(PATIENCE_MS)): Promise<string | undefined> {
  return new Promise((done) => {
    const socket = connect({ host, port });
    const end = (failure?: string): void => {
      socket.destroy();
      done(failure);
    };
    socket.setTimeout(patienceMs, () => end(`no answer within ${patienceMs / 1000} s`));
    socket.once('connect', () => end());
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}
