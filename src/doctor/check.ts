/** The parts of a check, and how all checks are run. */
import { withDeadline } from '../platform/clock.ts';
import { patient } from '../platform/patience.ts';
import { installCommand, isThere, neededPackages } from './packages.ts';
import type { MirrorAnswer } from './mirror.ts';
import { INGOT } from '../platform/own-program.ts';

/** `warn`: works, but not as well as it could. `fail`: builds or tests cannot work. */
export type Status = 'ok' | 'warn' | 'fail';

/** The result of a check. */
export interface Finding {
  readonly status: Status;
  /** One line for people. */
  readonly detail: string;
  /** A command that fixes the problem, if there is one. */
  readonly remedy?: string;
}

/** The context of all checks. */
export interface CheckContext {
  /** Absolute; need not exist yet. */
  readonly dataDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted at the check's deadline, and when the command is interrupted. */
  readonly signal: AbortSignal;
  /** The response of the configured Debian mirror, which is requested once for all checks. */
  readonly mirror: () => Promise<MirrorAnswer>;
}

/** A group of checks, with its heading. */
export const GROUPS = {
  isolation: 'Isolation: what keeps components away from this host, and other users of this host away from Ingot',
} as const;

/** One capability of a host. README.md says how to add one. */
export interface Check {
  readonly name: string;
  /** The heading under which it is shown; the register keeps the checks of a group together. */
  readonly group?: keyof typeof GROUPS;
  /** Whether builds and tests need it. A failure of another check is a warning. */
  readonly needed: boolean;
  /** Debian packages from `data/packages.txt` that the check needs. */
  readonly packages?: readonly string[];
  /** Whether it needs root. */
  readonly root?: true;
  /** Its deadline in seconds (default: 15). */
  readonly seconds?: number;
  /** Runs after all others, because it measures. */
  readonly alone?: true;
  /**
   * May throw: that is a failure with the message as its detail. It must end soon after the signal, and release
   * everything it took.
   */
  run(context: CheckContext): Promise<Finding>;
}

/** A finding with the name of its check. */
export interface CheckResult extends Finding {
  readonly name: string;
  readonly group?: keyof typeof GROUPS;
}

const SECONDS = 15;
/** How long a check that exceeded its deadline may take to clean up, in milliseconds. */
const GRACE_MS = 20_000;

/** Whether builds and tests can work. */
export function isFit(results: readonly CheckResult[]): boolean {
  return results.every(({ status }) => status !== 'fail');
}

/**
 * Runs checks, in parallel where possible, each with its deadline. Never throws because of a check's error.
 * @returns their results in the checks' order, each as soon as it and those before it are known
 */
export async function* runChecks(checks: readonly Check[], context: CheckContext): AsyncGenerator<CheckResult> {
  const ending: Promise<unknown>[] = [];
  const start = (check: Check): Promise<CheckResult> => runCheck(check, context, (end) => void ending.push(end));
  const together = new Map(checks.filter(({ alone }) => !alone).map((check) => [check, start(check)]));
  for (const check of checks) {
    if (check.alone) await Promise.all(together.values());
    const result = await (together.get(check) ?? start(check));
    yield check.group === undefined ? result : { ...result, group: check.group };
  }
  await Promise.race([
    Promise.allSettled(ending),
    new Promise((resolve) => setTimeout(resolve, patient(GRACE_MS)).unref()),
  ]);
}

async function runCheck(
  check: Check,
  context: CheckContext,
  onLate: (end: Promise<unknown>) => void,
): Promise<CheckResult> {
  const { name } = check;
  const seconds = patient(check.seconds ?? SECONDS);
  const failed = check.needed ? 'fail' : 'warn';
  try {
    const lacking = (await neededPackages()).filter((each) => check.packages?.includes(each.name) && !isThere(each));
    // The launcher refuses to start without these, so this fails even if the rest would work.
    if (lacking.length > 0) return { name, status: 'fail', ...lackingPackages(lacking) };
    if (check.root && process.getuid?.() !== 0)
      return { name, status: failed, detail: 'cannot be tested without root', remedy: `sudo ${INGOT} doctor` };

    const { signal, end: release } = withDeadline(
      context.signal,
      seconds * 1000,
      () => new Error(`no result within ${Math.round(seconds * 100) / 100} s`),
    );
    const late = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    );
    late.catch(() => {});
    let run: Promise<Finding> | undefined;
    try {
      // A signal that is already aborted calls no listener.
      signal.throwIfAborted();
      run = check.run({ ...context, signal });
      return { name, ...ranked(await Promise.race([run, late]), check) };
    } finally {
      // The signal stays until the check has released everything.
      onLate((run ?? Promise.resolve()).then(release, release));
    }
  } catch (error) {
    return { name, status: failed, detail: oneLine((error as Error).message) };
  }
}

/** The worst result of a check that is not required is a warning. */
function ranked(finding: Finding, check: Check): Finding {
  return finding.status === 'fail' && !check.needed ? { ...finding, status: 'warn' } : finding;
}

function lackingPackages(
  lacking: readonly { readonly name: string; readonly proof: string; readonly purpose: string }[],
): Pick<Finding, 'detail' | 'remedy'> {
  const what = lacking.map(
    ({ name, proof, purpose }) =>
      `${proof.startsWith('/') ? proof : `the program ${proof}`} (Debian package ${name}: ${purpose})`,
  );
  return { detail: `missing: ${what.join('; ')}`, remedy: installCommand(lacking.map(({ name }) => name)) };
}

/** Joins the lines of a message, and shortens a long one. */
export function oneLine(text: string): string {
  const line = text.trim().replace(/\s*\n\s*/g, '; ');
  return line.length > 400 ? `${line.slice(0, 399)}…` : line;
}
