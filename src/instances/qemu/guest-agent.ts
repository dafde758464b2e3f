/**
 * A client of QEMU's guest agent over its Unix socket. QEMU serves one connection at a time. It stays open while it is
 * used (without a connection the agent polls only every 0.1 s), and is closed now and then to give other processes a
 * turn.
 */
import { connect, type Socket } from 'node:net';
import { after, sleep } from '../../platform/clock.ts';
import { patient } from '../../platform/patience.ts';
import { sizeOf } from '../../platform/processes.ts';

/**
 * Why the agent rejected a command: an unknown handle, a missing file, more words than a program may be started with,
 * or another reason.
 */
export type GuestAgentRefusal = 'unknown-process' | 'unknown-file' | 'no-such-file' | 'too-many-words' | 'other';

/** The agent rejected a command. */
export class GuestAgentError extends Error {
  override readonly name = 'GuestAgentError';
  readonly code: GuestAgentRefusal;

  constructor(command: string, said: string) {
    super(`${command}: ${said}`);
    this.code = refusalOf(said);
  }
}

/** What the kernel and shells say of words that are too long together. */
export const TOO_LONG = 'Argument list too long';

/** The agent has one class for all of its errors (`GenericError`), so only the message distinguishes them. */
function refusalOf(said: string): GuestAgentRefusal {
  if (/No such file/.test(said)) return 'no-such-file';
  if (said.includes(TOO_LONG)) return 'too-many-words';
  if (/PID|pid/.test(said)) return 'unknown-process';
  return /handle/i.test(said) ? 'unknown-file' : 'other';
}

/** The agent did not respond in time, or the socket is closed. Whether the command was carried out is unknown. */
export class GuestAgentSilent extends Error {
  override readonly name = 'GuestAgentSilent';
}

/** The agent sends without end, or an answer that no agent sends: a component may have replaced it. */
export class GuestAgentMisbehaved extends Error {
  override readonly name = 'GuestAgentMisbehaved';

  /** @param what it did: `sent …` */
  constructor(what: string) {
    super(`the guest agent ${what}: a component may have replaced it`);
  }
}

/** The agent's answers to the commands whose answers are used. */
interface Answers {
  readonly 'guest-exec': { readonly pid: number };
  readonly 'guest-exec-status': ExecStatus;
  /** A file handle. */
  readonly 'guest-file-open': number;
  readonly 'guest-file-read': { readonly 'buf-b64': string };
  /** At least one byte: an agent that never writes any would be asked forever. */
  readonly 'guest-file-write': { readonly count: number };
}

/** The answer to a command. A component may control the machine, so answers are checked. */
type AnswerTo<C extends string> = C extends keyof Answers ? Answers[C] : unknown;

type Members = Readonly<Record<string, unknown>>;
const isText = (value: unknown): boolean => value === undefined || typeof value === 'string';
const isNumber = (value: unknown): boolean => value === undefined || Number.isSafeInteger(value);
const isFlag = (value: unknown): boolean => value === undefined || typeof value === 'boolean';

const IS_ANSWER: { readonly [C in keyof Answers]: (answer: unknown, members: Members) => boolean } = {
  'guest-exec': (_, { pid }) => Number.isSafeInteger(pid),
  'guest-exec-status': (_, status) =>
    typeof status['exited'] === 'boolean' &&
    isNumber(status['exitcode']) &&
    isNumber(status['signal']) &&
    isText(status['out-data']) &&
    isText(status['err-data']) &&
    isFlag(status['out-truncated']) &&
    isFlag(status['err-truncated']),
  'guest-file-open': (handle) => Number.isSafeInteger(handle),
  'guest-file-read': (_, members) => typeof members['buf-b64'] === 'string',
  'guest-file-write': (_, { count }) => Number.isSafeInteger(count) && (count as number) > 0,
};

/** Characters of an invalid answer in a message. */
const SHOWN_CHARACTERS = 200;

/** @throws {GuestAgentMisbehaved} if it is not a valid answer to this command */
function checkedAnswer<C extends string>(command: C, answer: unknown): AnswerTo<C> {
  const isAnswer = Object.hasOwn(IS_ANSWER, command) ? IS_ANSWER[command as keyof Answers] : undefined;
  const members = typeof answer === 'object' && answer !== null ? (answer as Members) : {};
  if (isAnswer?.(answer, members) === false)
    throw new GuestAgentMisbehaved(
      `answered ${command} with ${(JSON.stringify(answer) ?? 'nothing').slice(0, SHOWN_CHARACTERS)}`,
    );
  return answer as AnswerTo<C>;
}

/** A guest agent. Commands are sent one after another, in order. */
export interface GuestAgent {
  /**
   * @param timeoutMs until the answer arrives, including connecting; more on a slow host
   * @throws {GuestAgentError | GuestAgentSilent | GuestAgentMisbehaved}
   */
  execute<C extends string>(command: C, args?: object, timeoutMs?: number): Promise<AnswerTo<C>>;
  /**
   * Runs `work`, which sends its commands through the function that it gets, while all other commands of this process
   * wait.
   */
  exclusively<T>(work: (execute: GuestAgent['execute']) => Promise<T>): Promise<T>;
  close(): void;
}

const IDLE_MS = 1000;
const TURN_MS = 3000;
/** QEMU opens the socket before it starts the machine: a connection that fails for this long will never succeed. */
const CONNECT_MS = 3000;

/** Largest answer, in bytes: the agent keeps 16 MiB of each output of a program, and sends them as base64. */
const ANSWER_BYTES = 48 << 20;

/** Maximum lines before an answer: answers that an earlier client did not read. */
const ANSWER_LINES = 1000;

const agents = new Map<string, Client>();

/** The agent at a socket; one object for the whole process. Connects on first use. */
export function guestAgent(socketPath: string): GuestAgent {
  let agent = agents.get(socketPath);
  if (agent === undefined) agents.set(socketPath, (agent = new Client(socketPath)));
  return agent;
}

/** Splits a stream of answers into lines, without the 0xff that marks a synchronized one. Exported for its test. */
export class AgentLines {
  private buffered: Buffer[] = [];

  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = Buffer.concat([...this.buffered, rest.subarray(0, end)]);
      this.buffered = [];
      rest = rest.subarray(end + 1);
      // Everything before a 0xff is for an earlier client.
      const text = line
        .subarray(line.lastIndexOf(0xff) + 1)
        .toString('utf8')
        .trim();
      if (text) lines.push(text);
    }
    if (rest.length > 0) this.buffered.push(rest);
    return lines;
  }
}

interface Answer {
  readonly return?: unknown;
  readonly error?: { readonly class?: string; readonly desc?: string };
}

class Client implements GuestAgent {
  private readonly path: string;
  private turn: Promise<unknown> = Promise.resolve();
  private socket: Socket | undefined;
  private connectedAt = 0;
  /** Bytes since the last question. */
  private received = 0;
  private lines = 0;
  private waiter: ((answer: Answer | Error) => void) | undefined;
  private idle: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.path = path;
  }

  execute<C extends string>(command: C, args?: object, timeoutMs = 10_000): Promise<AnswerTo<C>> {
    return this.exclusively((now) => now(command, args, timeoutMs));
  }

  exclusively<T>(work: (execute: GuestAgent['execute']) => Promise<T>): Promise<T> {
    const mine = this.turn.then(() =>
      work(<C extends string>(command: C, args?: object, timeoutMs = 10_000) =>
        this.exchange(command, args, timeoutMs),
      ),
    );
    this.turn = mine.catch(() => {});
    return mine;
  }

  close(): void {
    agents.delete(this.path);
    this.drop(new GuestAgentSilent('the connection to the guest agent was closed'));
  }

  private async exchange<C extends string>(
    command: C,
    args: object | undefined,
    timeoutMs: number,
  ): Promise<AnswerTo<C>> {
    clearTimeout(this.idle);
    const deadline = Date.now() + patient(timeoutMs);
    try {
      if (this.socket === undefined) await this.connect(command, deadline);
      const answer = await this.ask(this.socket!, { execute: command, arguments: args }, deadline, command);
      if (answer.error)
        throw new GuestAgentError(
          command,
          String(answer.error.desc ?? answer.error.class ?? 'refused').slice(0, SAID_BYTES),
        );
      return checkedAnswer(command, answer.return);
    } finally {
      // Others wait in the socket's queue: a client that polls for long closes its connection and queues again.
      if (Date.now() - this.connectedAt > TURN_MS) this.drop();
      else {
        this.idle = setTimeout(() => this.drop(), IDLE_MS);
        this.idle.unref();
      }
    }
  }

  private async connect(command: string, deadline: number): Promise<void> {
    const socket = await this.open(command, deadline);
    this.socket = socket;
    this.connectedAt = Date.now();
    const lines = new AgentLines();
    socket.on('data', (chunk: Buffer) => {
      if (this.socket !== socket) return;
      this.received += chunk.length;
      try {
        if (this.received > ANSWER_BYTES)
          throw new GuestAgentMisbehaved(`sent more than ${sizeOf(ANSWER_BYTES)} instead of an answer`);
        for (const line of lines.push(chunk)) {
          if (++this.lines > ANSWER_LINES)
            throw new GuestAgentMisbehaved(`sent more than ${ANSWER_LINES} lines instead of an answer`);
          this.receive(line);
        }
      } catch (error) {
        // Without a listener it would end the process.
        this.drop(error as Error);
      }
    });
    socket.on('error', (error) => this.drop(new GuestAgentSilent(`${command}: ${error.message}`)));
    socket.on('close', () => {
      if (this.socket === socket)
        this.drop(new GuestAgentSilent(`${command}: the connection to the guest agent ended`));
    });
    const id = Math.floor(Math.random() * 2 ** 31);
    // The 0xff makes the agent drop an incomplete command of an earlier client.
    socket.write(Buffer.from([0xff]));
    await this.ask(
      socket,
      { execute: 'guest-sync-delimited', arguments: { id } },
      deadline,
      command,
      (answer) => answer.return === id,
    );
  }

  private async open(command: string, deadline: number): Promise<Socket> {
    const started = Date.now();
    for (;;) {
      try {
        return await new Promise<Socket>((resolve, reject) => {
          const socket = connect(this.path, () => {
            socket.off('error', reject);
            socket.unref();
            resolve(socket);
          });
          socket.once('error', reject);
        });
      } catch (error) {
        if (Date.now() >= Math.min(deadline, started + patient(CONNECT_MS)))
          throw new GuestAgentSilent(`${command}: nothing listens at ${this.path} (${(error as Error).message})`);
        await sleep(20);
      }
    }
  }

  /** @param wanted whether an answer is the expected one; others are skipped */
  private ask(
    socket: Socket,
    message: object,
    deadline: number,
    command: string,
    wanted: (answer: Answer) => boolean = () => true,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.received = 0;
      this.lines = 0;
      const silent = (): void => this.drop(new GuestAgentSilent(`${command}: the guest agent did not answer`));
      const timer = after(Math.max(1, deadline - Date.now()), silent);
      this.waiter = (result) => {
        if (!(result instanceof Error) && !wanted(result)) return;
        timer.end();
        this.waiter = undefined;
        if (result instanceof Error) reject(result);
        else resolve(result);
      };
      socket.write(`${JSON.stringify(message)}\n`);
    });
  }

  private receive(line: string): void {
    let answer: unknown;
    try {
      answer = JSON.parse(line);
    } catch {
      return; // The end of an answer to another client.
    }
    if (typeof answer === 'object' && answer !== null) this.waiter?.(answer);
  }

  private drop(error?: Error): void {
    clearTimeout(this.idle);
    const socket = this.socket;
    this.socket = undefined;
    socket?.destroy();
    this.waiter?.(error ?? new GuestAgentSilent('the connection to the guest agent was closed'));
  }
}

/** How a program that the agent started ended. */
export interface AgentExecution {
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** Whether there was more output than the agent keeps. */
  readonly truncated: boolean;
}

interface ExecStatus {
  readonly exited: boolean;
  readonly exitcode?: number;
  readonly signal?: number;
  readonly 'out-data'?: string;
  readonly 'err-data'?: string;
  readonly 'out-truncated'?: boolean;
  readonly 'err-truncated'?: boolean;
}

/** Bytes of a program's output in an error message. */
const SAID_BYTES = 4096;
/** How long the agent may take to start a program, in milliseconds: an emulated machine under load. */
const START_MS = 120_000;

/**
 * Runs a small program of our own through the agent and waits for its end. Its output must be short: the agent keeps 16
 * MiB of it.
 * @param options.timeoutMs `Infinity` waits as long as the agent responds
 * @throws {GuestAgentError | GuestAgentSilent} the latter also if it has not ended within `timeoutMs`
 */
export async function agentExec(
  agent: GuestAgent,
  argv: readonly string[],
  options: { readonly input?: Buffer; readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
): Promise<AgentExecution> {
  const timeoutMs = options.timeoutMs ?? 30_000;
  const deadline = Date.now() + patient(timeoutMs);
  const { pid } = await agent.execute(
    'guest-exec',
    {
      path: argv[0],
      arg: argv.slice(1),
      'capture-output': true,
      'input-data': options.input?.toString('base64'),
    },
    Math.min(timeoutMs, START_MS),
  );
  for (let wait = 5; ; wait = Math.min(100, wait * 1.5)) {
    const status = await agent.execute('guest-exec-status', { pid });
    if (status.exited) {
      return {
        exitCode: status.exitcode ?? null,
        signal: status.signal ?? null,
        stdout: Buffer.from(status['out-data'] ?? '', 'base64'),
        stderr: Buffer.from(status['err-data'] ?? '', 'base64'),
        truncated: (status['out-truncated'] ?? status['err-truncated']) === true,
      };
    }
    if (Date.now() >= deadline)
      throw new GuestAgentSilent(`${argv[0]} did not end in the instance within ${patient(timeoutMs)} ms`);
    await sleep(wait, options.signal);
  }
}

/** The message of a failed program: its stderr, otherwise its output; only the end of a long one. */
export function said({ stdout, stderr }: AgentExecution): string {
  return (stderr.length > 0 ? stderr : stdout).subarray(-SAID_BYTES).toString('utf8').trim();
}
