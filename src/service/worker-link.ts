/**
 * The protocol between server and worker process, one line per message: the server wakes the worker, asks whether it
 * still answers, and asks it to exit. A worker with a blocked event loop, or a stopped process, does not answer. The
 * time without an answer counts only seconds in which the server itself ran, so that a sleeping host or a stopped
 * server does not count.
 */
import { writeSync } from 'node:fs';
import { start, type RunningProcess } from '../platform/processes.ts';

/** The worker's descriptor for its answers. */
const ANSWERS = 3;
const SECOND_MS = 1000;
/** What a worker says once it begins with no other image. Any other byte is an answer. */
const FINISHING = '!';

/** A worker process, as its server sees it. */
export class WorkerLink {
  readonly pid: number;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: RunningProcess['exited'];
  readonly #process: RunningProcess;
  readonly #timer: NodeJS.Timeout;
  #silentSeconds = 0;
  #finishing = false;

  private constructor(process: RunningProcess, onSecond: (link: WorkerLink) => void) {
    this.#process = process;
    this.pid = process.pid;
    this.exited = process.exited;
    // A message to a worker that has just ended is lost; `exited` handles that.
    process.stdin?.on('error', () => {});
    process.more[0]
      ?.on('error', () => {})
      .on('data', (said: Buffer) => {
        this.#silentSeconds = 0;
        if (said.includes(FINISHING)) this.#finishing = true;
      });
    this.#timer = setInterval(() => {
      this.#silentSeconds += 1;
      this.#say('answer');
      onSecond(this);
    }, SECOND_MS);
    void process.exited.then(() => clearInterval(this.#timer));
  }

  /**
   * Starts a worker process.
   * @param argv its command; it calls `listenToServer`
   * @param onSecond called each second while it runs
   */
  static async start(argv: readonly string[], onSecond: (link: WorkerLink) => void): Promise<WorkerLink> {
    // The whole environment: providers of secrets read it, and programs that the user configured for secrets and
    // credentials need it.
    return new WorkerLink(
      await start(argv, { inherit: 'all', stdio: ['pipe', 'inherit', 'inherit', 'pipe'] }),
      onSecond,
    );
  }

  /** Seconds since an unanswered question; 1 right after the question. */
  get silentSeconds(): number {
    return this.#silentSeconds;
  }

  /** Makes it check for work. */
  wake(): void {
    this.#say('wake');
  }

  /** Asks it to begin with no other image. */
  finish(): void {
    this.#say('finish');
  }

  /** Whether it has said since that it begins with none. */
  get finishing(): boolean {
    return this.#finishing;
  }

  /** Asks it to give up its work and exit. */
  end(): void {
    this.#say('end');
  }

  /** Kills it, whatever it is doing. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #say(word: 'wake' | 'answer' | 'finish' | 'end'): void {
    this.#process.stdin?.write(`${word}\n`, () => {});
  }
}

/** A worker's handlers for its server's messages. */
export interface WorkerEars {
  wake(): void;
  /** Called when it is to begin with no other image. Settles when that holds. */
  finish(): Promise<void>;
  /** Called at least once: when the server asks it to exit, or has ended. */
  end(): void;
}

/** Makes this process, a worker's, listen to its server and answer it. */
export function listenToServer({ wake, finish, end }: WorkerEars): void {
  process.stdin.setEncoding('utf8');
  let rest = '';
  process.stdin.on('data', (chunk: string) => {
    const words = (rest + chunk).split('\n');
    rest = words.pop()!;
    if (words.includes('answer')) answer('.');
    if (words.includes('finish')) void finish().then(() => answer(FINISHING));
    if (words.includes('wake')) wake();
    if (words.includes('end')) end();
  });
  process.stdin.on('end', end);
  process.stdin.on('close', end);
}

function answer(word: string): void {
  try {
    writeSync(ANSWERS, word);
  } catch {
    // The server has ended, or is not reading now; then it gets its answer later.
  }
}
