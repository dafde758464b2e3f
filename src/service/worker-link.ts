/**
 * What server and worker process say to each other, a line each: the server wakes the worker, asks whether it still
 * answers, and asks it to end. A worker whose event loop stands still, or whose process is stopped, answers nothing;
 * how long that has lasted is counted in the seconds that the server itself ran, so that a host that slept, or a server
 * that was stopped too, blames nobody.
 */
import { writeSync } from 'node:fs';
import { start, type RunningProcess } from '../platform/processes.ts';

/** The worker's end of the pipe that it answers on. */
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
    // What is written to a worker that has just ended is lost, and `exited` tells.
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
    // All of the environment: providers of secrets look there, and programs that the user named for secrets and
    // credentials.
    return new WorkerLink(
      await start(argv, { inherit: 'all', stdio: ['pipe', 'inherit', 'inherit', 'pipe'] }),
      onSecond,
    );
  }

  /** For how many seconds it has been asked without an answer; 1 right after it was asked. */
  get silentSeconds(): number {
    return this.#silentSeconds;
  }

  /** Makes it look for work. */
  wake(): void {
    this.#say('wake');
  }

  /** Asks it to give up what it works on and to end. */
  end(): void {
    this.#say('end');
  }

  /** Kills it, whatever it does. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #say(word: 'wake' | 'answer' | 'end'): void {
    this.#process.stdin?.write(`${word}\n`, () => {});
  }
}

/** What a worker does when its server says so. */
export interface WorkerEars {
  wake(): void;
  /** Called once at least: when the server asks for it, or has ended. */
  end(): void;
}

/** Has this process, which is a worker's, listen to its server and answer it. */
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
    // The server has ended, or does not read: it has its answer when it does.
  }
}
