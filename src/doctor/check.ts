/** What a check is, and how all of them are run. */
import { withDeadline } from '../platform/clock.ts';
import { patient } from '../platform/patience.ts';
import { installCommand, isThere, neededPackages } from './packages.ts';
import type { MirrorAnswer } from './mirror.ts';
import { INGOT } from '../platform/own-program.ts';

/** `warn`: works, but not as well as it could. `fail`: builds or tests cannot work. */
export type Status = 'ok' | 'warn' | 'fail';

/** What a check found. */
export interface Finding {
  readonly status: Status;
  /** One line for a person. */
  readonly detail: string;
  /** The command that mends it, where one does. */
  readonly remedy?: string;
}

/** What checks share. */
export interface CheckContext {
  /** Absolute; it may not be there yet. */
  readonly dataDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted at the check's deadline, and when the command is interrupted. */
  readonly signal: AbortSignal;
  /** What the configured mirror of Debian answered; asked once for all checks. */
  readonly mirror: () => Promise<MirrorAnswer>;
}

/** Checks that belong together, with what stands above them for a person. */
export const GROUPS = {
  isolation: 'Isolation: what keeps components away from this host, and other users of this host away from Ingot',
} as const;

/** One thing that a host can or cannot do. README.md says how to add one. */
export interface Check {
  readonly name: string;
  /** Shown below its heading; the register has those of one group next to each other. */
  readonly group?: keyof typeof GROUPS;
  /** Whether builds and tests need it. What fails in a check that is not needed is a warning. */
  readonly needed: boolean;
  /** Debian packages, of `data/packages.txt`, without which it is not even tried. */
  readonly packages?: readonly string[];
  /** It takes something of the host that only root gets. */
  readonly root?: true;
  /** Its deadline, default 15. */
  readonly seconds?: number;
  /** Runs when all others are done, since it measures. */
  readonly alone?: true;
  /**
   * May throw: that is a failure with the message as its detail. Ends soon after the signal, and lets go of all it
   * took.
   */
  run(context: CheckContext): Promise<Finding>;
}

/** A finding and what it is about. */
export interface CheckResult extends Finding {
  readonly name: string;
  readonly group?: keyof typeof GROUPS;
}

const SECONDS = 15;
/** How long a check that exceeded its deadline may take to let go of what it took. */
const GRACE_MS = 20_000;

/** Whether builds and tests can work. */
export function isFit(results: readonly CheckResult[]): boolean {
  return results.every(({ status }) => status !== 'fail');
}

/**
 * Runs checks, at once where that is harmless, each with its deadline. Never throws for what a check does.
 * @returns their results in the checks' order, each as soon as it and those before it are there
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
    // The launcher lets nothing begin without them, so this fails also where the rest would do.
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
      // One that is aborted already tells no listener.
      signal.throwIfAborted();
      run = check.run({ ...context, signal });
      return { name, ...ranked(await Promise.race([run, late]), check) };
    } finally {
      // The signal goes on until the check has let go of all that it took.
      onLate((run ?? Promise.resolve()).then(release, release));
    }
  } catch (error) {
    return { name, status: failed, detail: oneLine((error as Error).message) };
  }
}

/** What a check that is not needed finds is a warning at most. */
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

/** A message of several lines as one, cut where it gets long. */
export function oneLine(text: string): string {
  const line = text.trim().replace(/\s*\n\s*/g, '; ');
  return line.length > 400 ? `${line.slice(0, 399)}…` : line;
}
