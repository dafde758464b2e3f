/**
 * The protocol between server and worker process, one line per message: the server wakes the worker, asks whether it
 * still answers, and asks it to exit. A worker with a blocked event loop, or a stopped process, does not answer. The
 * time without an answer counts only seconds in which the server itself ran, so that a sleeping host or a stopped
 * server does not count.
 */
import { writeSync } from 'node:fs';
import { start, type RunningProcess } from '../platform/processes.ts';

/** The worker's end of the pipe for its answers. */
const ANSWERS = 3;
const SECOND_MS = 1000;

/** A worker process, as its server sees it. */
export class WorkerLink {
  readonly pid: number;
  /** Settles when the process has ended; never rejects. */
  readonly exited: RunningProcess['exited'];
  readonly #process: RunningProcess;
  readonly #timer: NodeJS.Timeout;
  #silentSeconds = 0;

  private constructor(process: RunningProcess, onSecond: (link: WorkerLink) => void) {
    this.#process = process;
    this.pid = process.pid;
    this.exited = process.exited;
    // A message to a worker that has just ended is lost, and `exited` tells.
    process.stdin?.on('error', () => {});
    process.more[0]?.on('error', () => {}).on('data', () => (this.#silentSeconds = 0));
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
    // The whole environment: providers of secrets look there, and programs that the user named for secrets and
    // credentials need it.
    return new WorkerLink(
      await start(argv, { inherit: 'all', stdio: ['pipe', 'inherit', 'inherit', 'pipe'] }),
      onSecond,
    );
  }

  /** Seconds since it was asked and has not answered; 1 right after the question. */
  get silentSeconds(): number {
    return this.#silentSeconds;
  }

  /** Makes it look for work. */
  wake(): void {
    this.#say('wake');
  }

  /** Asks it to give up its work and exit. */
  end(): void {
    this.#say('end');
  }

  /** Kills it, whatever it is doing. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #say(word: 'wake' | 'answer' | 'end'): void {
    this.#process.stdin?.write(`${word}\n`, () => {});
  }
}

/** How a worker reacts to its server's messages. */
export interface WorkerEars {
  wake(): void;
  /** Called at least once: when the server asks it to exit, or has ended. */
  end(): void;
}

/** Makes this process, a worker's, listen to its server and answer it. */
export function listenToServer({ wake, end }: WorkerEars): void {
  process.stdin.setEncoding('utf8');
  let rest = '';
  process.stdin.on('data', (chunk: string) => {
    const words = (rest + chunk).split('\n');
    rest = words.pop()!;
    if (words.includes('answer')) answer();
    if (words.includes('wake')) wake();
    if (words.includes('end')) end();
  });
  process.stdin.on('end', end);
  process.stdin.on('close', end);
}

function answer(): void {
  try {
    writeSync(ANSWERS, '.');
  } catch {
    // The server has ended, or does not read now; it gets its answer when it does.
  }
}
