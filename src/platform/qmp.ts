/** A client of QMP, the control protocol of qemu and of qemu-storage-daemon. */
import { connect, type Socket } from 'node:net';
import { sleep } from './clock.ts';
import { patient } from './patience.ts';
import { sizeOf } from './processes.ts';

/** QEMU rejected a command, or the connection ended. */
export class QmpError extends Error {
  override readonly name = 'QmpError';
  /** `busy` if QEMU rejected it because the object is still in use: a retry may succeed. */
  readonly code: 'busy' | undefined;

  constructor(message: string, code?: 'busy') {
    super(message);
    this.code = code;
  }
}

/** Maximum characters of an answer. The longest ones name the nodes of a chain of hundreds of layers. */
const LONGEST_ANSWER = 16 << 20;

/** An open QMP connection. */
export interface Qmp {
  /**
   * Runs one command.
   * @throws {QmpError} if QEMU rejects it, the connection ends, or there is no answer within `timeoutMs` (default: 30
   * s; longer on a slow host)
   */
  execute<T = unknown>(command: string, args?: object, timeoutMs?: number): Promise<T>;
  /** Waits for an event. @throws {QmpError} if the connection ends first, or after `timeoutMs` */
  event(name: string, timeoutMs: number): Promise<unknown>;
  close(): void;
}

/**
 * Connects to a QMP socket, retrying until it exists.
 * @param path of the Unix socket, at most 107 bytes
 */
export async function connectQmp(path: string, timeoutMs = 5000, signal?: AbortSignal): Promise<Qmp> {
  const deadline = Date.now() + patient(timeoutMs);
  for (;;) {
    try {
      return await open(path, Math.max(1000, deadline - Date.now()));
    } catch (error) {
      if (Date.now() > deadline)
        throw new QmpError(`no QMP at ${path} within ${patient(timeoutMs)} ms: ${(error as Error).message}`);
      await sleep(5, signal);
    }
  }
}

function open(path: string, timeoutMs: number): Promise<Qmp> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      const client = new Client(socket);
      client.execute('qmp_capabilities', undefined, timeoutMs).then(() => resolve(client), reject);
    });
  });
}

class Client implements Qmp {
  private readonly socket: Socket;
  private buffered = '';
  private nextId = 1;
  private readonly waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  private readonly listeners = new Set<{
    name: string;
    resolve: (data: unknown) => void;
    reject: (error: Error) => void;
  }>();
  private ended: Error | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8');
    socket.unref();
    socket.on('data', (chunk: string) => {
      if (this.ended) return;
      try {
        this.receive(chunk);
      } catch (error) {
        // Without a listener it would end the process.
        this.end(new QmpError(`invalid QMP answer: ${(error as Error).message}`));
        socket.destroy();
      }
    });
    socket.on('error', (error) => this.end(new QmpError(`QMP connection failed: ${error.message}`)));
    socket.on('close', () => this.end(new QmpError('QMP connection closed')));
  }

  execute<T>(command: string, args?: object, timeoutMs = 30_000): Promise<T> {
    if (this.ended) return Promise.reject(this.ended);
    const id = this.nextId++;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new QmpError(`${command}: no answer within ${patient(timeoutMs)} ms`));
      }, patient(timeoutMs));
      this.waiting.set(id, {
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value as T);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(new QmpError(`${command}: ${error.message}`, error instanceof QmpError ? error.code : undefined));
        },
      });
      this.socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    });
  }

  event(name: string, timeoutMs: number): Promise<unknown> {
    if (this.ended) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => {
      const listener = {
        name,
        resolve: (data: unknown) => {
          clearTimeout(timer);
          this.listeners.delete(listener);
          resolve(data);
        },
        reject: (error: Error) => {
          clearTimeout(timer);
          this.listeners.delete(listener);
          reject(error);
        },
      };
      const timer = setTimeout(
        () => listener.reject(new QmpError(`no event ${name} within ${patient(timeoutMs)} ms`)),
        patient(timeoutMs),
      );
      this.listeners.add(listener);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private receive(chunk: string): void {
    this.buffered += chunk;
    if (this.buffered.length > LONGEST_ANSWER) throw new QmpError(`more than ${sizeOf(LONGEST_ANSWER)}`);
    if (!chunk.includes('\n')) return;
    for (let end = this.buffered.indexOf('\n'); end >= 0; end = this.buffered.indexOf('\n')) {
      const line = this.buffered.slice(0, end).trim();
      this.buffered = this.buffered.slice(end + 1);
      if (line) this.message(JSON.parse(line) as Message);
    }
  }

  private message(message: Message): void {
    if (message.event !== undefined) {
      for (const listener of [...this.listeners]) if (listener.name === message.event) listener.resolve(message.data);
      return;
    }
    const waiter = message.id === undefined ? undefined : this.waiting.get(message.id);
    if (waiter === undefined) return;
    this.waiting.delete(message.id!);
    if (message.error) waiter.reject(refused(message.error.desc));
    else waiter.resolve(message.return);
  }

  private end(error: Error): void {
    if (this.ended) return;
    this.ended = error;
    for (const waiter of this.waiting.values()) waiter.reject(error);
    this.waiting.clear();
    for (const listener of [...this.listeners]) listener.reject(error);
  }
}

interface Message {
  readonly id?: number;
  readonly event?: string;
  readonly data?: unknown;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

/** QEMU has one class for nearly all of its errors (`GenericError`), so only the message distinguishes them. */
function refused(said: string): QmpError {
  return new QmpError(said, /busy/.test(said) ? 'busy' : undefined);
}
