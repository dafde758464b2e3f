/**
 * Whether a starting machine makes progress: its console prints, or it reads its disk. Without either for a while it
 * will not come up; with progress it is only slow, and is waited for. Pure, except `processTimes`.
 */
import { readdirSync, readFileSync } from 'node:fs';

/**
 * Milliseconds without progress after which a start is hopeless, in time that the machine had the processor. The
 * longest pause of a good boot under emulation is about 5 s.
 */
export const STALL_MS = 45_000;
/** On a slow host: a multiple of the time until the kernel printed. */
const PATIENCE_FACTOR = 3;
/** What a systemd job gets beyond its own limit. */
const JOB_GRACE_SECONDS = 15;
/** Number of starts of firmware or kernel that count as a boot loop. First boots sometimes start twice. */
const MOST_STARTS = 5;

const FIRMWARE_STARTS = /SeaBIOS \(version|BdsDxe: loading Boot/;
const KERNEL_STARTS = /\] Linux version \d/;
/** systemd counts the seconds of a wait: that output is not progress. */
const JOB = /A (?:start|stop) job is running for (.+?) \((?:\d[^/]*) \/ ([^)]+)\)/;
/** A machine's output is untrusted: a line may have any length. */
const LONGEST_JOB = 500;
/** The machine's disks exist from the start: a missing device will not appear. */
const DEVICE = /^(?:\/dev\/|dev-)|\.device\b/;
/** The system is up; a kernel message may follow on the same line. */
const LOGIN = /^\S+ login: /;

/** The state of a machine at one moment. */
export interface MachineLook {
  /** Milliseconds. */
  readonly at: number;
  /** Number of reads of its disk so far. */
  readonly reads: number;
  /** Nanoseconds that its threads ran, and that they waited for a processor. */
  readonly ran: number;
  readonly waited: number;
}

/** The history of one start. */
export class BootProgress {
  private readonly started: number;
  private readonly stallMs: number;
  private readonly secondsOfHost: number;
  private last: MachineLook | undefined;
  private stalledMs = 0;
  private kernelAfterMs = 0;
  private firmwareStarts = 0;
  private kernelStarts = 0;
  private prompt = '';
  private login = false;
  private job: { readonly what: string; readonly limitSeconds: number | undefined } | undefined;
  private news = false;

  /**
   * @param started milliseconds
   * @param stallMs maximum time without progress, if no other limit applies
   * @param secondsOfHost seconds of the host per second of the machine
   */
  constructor(started: number, stallMs: number, secondsOfHost = 1) {
    this.started = started;
    this.stallMs = stallMs;
    this.secondsOfHost = secondsOfHost;
  }

  /** New console output: whole lines, and the incomplete last one. */
  printed(lines: readonly string[], prompt: string, at: number): void {
    for (const line of [...lines, ...(prompt === this.prompt ? [] : [prompt])]) {
      const job = JOB.exec(line.slice(0, LONGEST_JOB));
      this.job =
        job === null ? (line.trim() === '' ? this.job : undefined) : { what: job[1]!, limitSeconds: seconds(job[2]!) };
      if (job === null && line.trim() !== '') this.news = true;
      this.login ||= LOGIN.test(line);
    }
    this.prompt = prompt;
    for (const line of lines) {
      if (FIRMWARE_STARTS.test(line)) this.firmwareStarts++;
      if (!KERNEL_STARTS.test(line)) continue;
      if (this.kernelStarts++ === 0) this.kernelAfterMs = at - this.started;
    }
  }

  /** The machine was reset deliberately. */
  reset(): void {
    this.firmwareStarts = 0;
    this.kernelStarts = 0;
    this.stalledMs = 0;
    this.login = false;
  }

  /** Takes in the state of the machine. */
  look(look: MachineLook): void {
    const before = this.last;
    this.last = look;
    // A system that is up reads its disk anyway.
    const reads = !this.login && look.reads !== before?.reads;
    if (before === undefined || this.news || reads) this.stalledMs = 0;
    else
      this.stalledMs += timeHad(
        look.at - before.at,
        (look.ran - before.ran) / 1e6,
        (look.waited - before.waited) / 1e6,
      );
    this.news = false;
  }

  /** Why waiting is useless, in words; `undefined` as long as it is not. */
  hopeless(): string | undefined {
    if (Math.max(this.firmwareStarts, this.kernelStarts) > MOST_STARTS)
      return `it starts again and again (${Math.max(this.firmwareStarts, this.kernelStarts)} times)`;
    const stalled = Math.floor(this.stalledMs / 1000);
    if (stalled < this.patience()) return undefined;
    if (this.login)
      return 'the system is up, its console asks for a login, but its guest agent (qemu-guest-agent) does not answer';
    const silence = `nothing was read from its disk or printed on its console for ${stalled} s`;
    return this.job === undefined ? silence : `it waits for ${this.job.what}, and ${silence}`;
  }

  private patience(): number {
    const { job } = this;
    const own =
      job?.limitSeconds === undefined || DEVICE.test(job.what)
        ? 0
        : (job.limitSeconds + JOB_GRACE_SECONDS) * this.secondsOfHost;
    return Math.max(this.stallMs / 1000, (PATIENCE_FACTOR * this.kernelAfterMs) / 1000, own);
  }
}

/**
 * The part of a time span in which the machine was not waiting for a processor; the whole span if its threads sleep.
 * All in one unit.
 */
function timeHad(time: number, ran: number, waited: number): number {
  const wanted = ran + waited;
  return wanted <= 0 ? time : time - (Math.min(time, wanted) * waited) / wanted;
}

/** Seconds of systemd's `1min 30s`; `undefined` for `no limit`. */
function seconds(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+)\s*(h|min|s)\b/g)];
  return parts.length === 0
    ? undefined
    : parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * ({ h: 3600, min: 60, s: 1 }[unit!] ?? 1), 0);
}

/**
 * How long the threads of a process ran and waited for a processor, in nanoseconds; zeros if the kernel does not count
 * that.
 */
export function processTimes(pid: number): Pick<MachineLook, 'ran' | 'waited'> {
  let ran = 0;
  let waited = 0;
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const [ranHere, waitedHere] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ').map(Number);
      ran += ranHere ?? 0;
      waited += waitedHere ?? 0;
    }
  } catch {
    return { ran: 0, waited: 0 }; // It ended, or there is no schedstat.
  }
  return { ran, waited };
}
