/**
 * The name server of an instance that may resolve only some names. It forwards these to the host's resolvers, and lets
 * the instance connect to the addresses in their answers for a while. Other names do not exist. Both sides are
 * untrusted: anything in the instance may ask, and anyone on the network may answer.
 */
import { createSocket, type Socket } from 'node:dgram';
import type { ReachedName } from '../../platform/network-rules.ts';

/** A query: the first question of a message. */
export interface Question {
  readonly id: number;
  /** In lower case, without a trailing dot. */
  readonly name: string;
  readonly type: number;
  /** End of the question in the message, in bytes. */
  readonly end: number;
}

/** An IPv4 address of an answer. */
export interface AnsweredAddress {
  readonly address: string;
  /** Its lifetime in seconds. */
  readonly ttl: number;
}

const TYPE_A = 1;
const HEADER = 12;
const NO_ERROR = 0;
const SERVER_FAILURE = 2;
const NO_SUCH_NAME = 3;
const RESOLVER_MS = 3000;
/** Maximum queries at the same time. Others get no answer, and clients retry them. */
const MOST_QUESTIONS = 100;

/** The query in a message; `undefined` if it is not a simple one. Pure. */
export function questionOf(message: Buffer): Question | undefined {
  if (message.length < HEADER + 5 || (message[2]! & 0xf8) !== 0 || message.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = HEADER;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63 || at + length + 5 > message.length) return undefined;
    at++;
    if (length === 0) break;
    labels.push(message.toString('latin1', at, at + length));
    at += length;
  }
  return {
    id: message.readUInt16BE(0),
    name: labels.join('.').toLowerCase(),
    type: message.readUInt16BE(at),
    end: at + 4,
  };
}

/**
 * The addresses in an answer, through any aliases. Pure.
 * @throws {RangeError} for an invalid answer
 */
export function addressesIn(message: Buffer): readonly AnsweredAddress[] {
  const found: AnsweredAddress[] = [];
  let at = HEADER;
  for (let questions = message.readUInt16BE(4); questions > 0; questions--) at = afterName(message, at) + 4;
  for (let answers = message.readUInt16BE(6); answers > 0; answers--) {
    at = afterName(message, at);
    const [type, ttl, length] = [message.readUInt16BE(at), message.readUInt32BE(at + 4), message.readUInt16BE(at + 8)];
    at += 10;
    if (type === TYPE_A && length === 4)
      found.push({ address: [...message.subarray(at, at + 4)].join('.'), ttl: Math.min(ttl, 86_400) });
    at += length;
    if (at > message.length) throw new RangeError('the answer ends too soon');
  }
  return found;
}

function afterName(message: Buffer, start: number): number {
  for (let at = start; ; ) {
    const length = message.readUInt8(at);
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    at += length + 1;
  }
}

/** Ports to open at the addresses of a name; `undefined` if the instance may not resolve it. Pure. */
export function portsOfName(name: string, reached: readonly ReachedName[]): readonly number[] | undefined {
  const found = reached.filter((each) =>
    each.name.startsWith('*.') ? name.endsWith(each.name.slice(1)) : name === each.name,
  );
  return found.length === 0 ? undefined : [...new Set(found.flatMap(({ ports }) => ports))];
}

/** An empty answer. Pure. */
export function emptyAnswer(message: Buffer, question: Question, code: number): Buffer {
  const answer = Buffer.from(message.subarray(0, question.end));
  answer.writeUInt16BE(0x8080 | (answer.readUInt16BE(2) & 0x0100) | code, 2);
  for (const count of [6, 8, 10]) answer.writeUInt16BE(0, count);
  return answer;
}

/** What the name server needs. */
export interface NameService {
  readonly names: readonly ReachedName[];
  /** Addresses of resolvers, tried in order. */
  readonly resolvers: () => Promise<readonly string[]>;
  /** Allows the instance to connect to addresses, each with a port, for a number of seconds. */
  readonly open: (
    endpoints: readonly { readonly address: string; readonly port: number }[],
    seconds: number,
  ) => Promise<void>;
  readonly log: (text: string) => void;
}

/** Minimum seconds that an address stays open: a client may connect after the lifetime of its name. */
const LEAST_SECONDS = 600;

/**
 * Makes the socket; it is not bound yet.
 * @param client the only address that gets answers
 */
export function nameServer(service: NameService, client: string): Socket {
  const socket = createSocket('udp4');
  let busy = 0;
  socket.on('message', (message, from) => {
    const question = from.address === client && busy < MOST_QUESTIONS ? questionOf(message) : undefined;
    if (question === undefined) return;
    busy++;
    void answer(service, message, question)
      .catch((error: unknown) => {
        service.log(`${question.name}: ${(error as Error).message}`);
        return emptyAnswer(message, question, SERVER_FAILURE);
      })
      .then((reply) => socket.send(reply, from.port, from.address))
      .finally(() => busy--);
  });
  socket.on('error', (error) => service.log(error.message));
  return socket;
}

async function answer(service: NameService, message: Buffer, question: Question): Promise<Buffer> {
  const ports = portsOfName(question.name, service.names);
  if (ports === undefined) return emptyAnswer(message, question, NO_SUCH_NAME);
  if (question.type !== TYPE_A) return emptyAnswer(message, question, NO_ERROR);
  let failure = new Error('this host names no resolver');
  for (const resolver of await service.resolvers()) {
    try {
      const reply = await ask(resolver, message, question);
      const addresses = addressesIn(reply);
      if (addresses.length > 0) {
        const seconds = Math.max(LEAST_SECONDS, ...addresses.map(({ ttl }) => ttl));
        await service.open(
          addresses.flatMap(({ address }) => ports.map((port) => ({ address, port }))),
          seconds,
        );
      }
      return reply;
    } catch (error) {
      failure = error as Error;
    }
  }
  throw failure;
}

function ask(resolver: string, message: Buffer, question: Question): Promise<Buffer> {
  const socket = createSocket(resolver.includes(':') ? 'udp6' : 'udp4');
  let timer: NodeJS.Timeout | undefined;
  return new Promise<Buffer>((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${resolver} does not answer`)), RESOLVER_MS);
    socket.once('error', reject);
    // Connected, so that only the resolver's packets are received.
    socket.connect(53, resolver, () => socket.send(message));
    socket.on('message', (reply) => {
      const answered = reply.length >= HEADER && (reply[2]! & 0x80) !== 0 ? questionOf(asQuestion(reply)) : undefined;
      if (
        answered === undefined ||
        answered.id !== question.id ||
        answered.name !== question.name ||
        answered.type !== question.type
      )
        return;
      resolve(reply);
    });
  }).finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

/** The query that a reply repeats. */
function asQuestion(reply: Buffer): Buffer {
  const copy = Buffer.from(reply);
  copy[2] = copy[2]! & 0x07;
  return copy;
}
