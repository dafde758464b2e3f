/**
 * The journal of services that a failed step mentions. "See journalctl" does not help once the machine is gone, and a
 * container's refusal to a service is recorded nowhere else.
 */
import { InstanceError, type CommandResult, type Instance } from '../instances/instance.ts';
import { limited, TooMuchOutput } from '../instances/output.ts';
import { lineSplitter } from './lines.ts';

/** Lines of the journal about services. */
export interface Journal {
  /** Empty for all units. */
  readonly units: readonly string[];
  readonly lines: readonly string[];
}

/** A failure that the journal may explain. */
export interface Unexplained {
  readonly message: string;
  /** The last lines of the output, oldest first. */
  readonly outputTail: readonly string[];
  readonly instanceLost?: true;
}

/** An outcome with failures that the journal may explain. */
interface WithFailures<Failure> {
  readonly failure?: Failure;
  readonly ignored: readonly Failure[];
}

const JOURNAL_LINES = 200;
const MOST_UNITS = 5;
const ASK_SECONDS = 20;
/** Maximum bytes of the journal that are read: one of its lines may have 48 kB. */
const JOURNAL_BYTES = 16 << 20;

const KINDS = 'service|socket|timer|mount|automount|path|target|slice|scope|swap|device';
const UNIT = String.raw`([A-Za-z0-9][\w@:.\\-]*?\.(?:${KINDS}))\b`;
/** Lines in which systemd's tools name a unit that did not start. */
const NAMES_UNIT: readonly RegExp[] = [
  new RegExp(String.raw`\b[Jj]ob for ${UNIT}`),
  new RegExp(`systemctl status ["']?${UNIT}`),
  new RegExp(String.raw`journalctl -\w*u ["']?${UNIT}`),
  new RegExp(String.raw`\bUnit ${UNIT} (?:is not active|has failed|failed|entered failed state)`),
  new RegExp(String.raw`\bFailed to (?:re)?start ${UNIT}`),
];
/**
 * Lines about a service that they do not name: answers of `systemctl is-active`, and local connections that were
 * refused.
 */
const SPEAKS_OF_SERVICE: readonly RegExp[] = [
  /\bjournalctl -/,
  /^(?:failed|inactive|activating|deactivating)$/,
  /(?:localhost|127\.0\.0\.1|\[?::1\]?)\b.*(?:[Rr]efused|[Cc]ouldn't connect|[Ff]ailed to connect|[Cc]ould not connect|[Cc]annot connect|[Cc]an't connect|not running)/,
  /(?:[Rr]efused|[Ff]ailed to connect|[Cc]ould not connect|[Cc]annot connect|[Cc]an't connect|[Uu]nable to connect)\b.*(?:localhost|127\.0\.0\.1|::1|unix:|\/run\/|\.sock\b)/,
];

/**
 * The units whose journal may explain a failed step. An empty list means an unnamed service; `undefined` means that no
 * service is involved. Pure.
 */
export function unitsInQuestion({
  message,
  outputTail,
}: Pick<Unexplained, 'message' | 'outputTail'>): readonly string[] | undefined {
  const lines = [...outputTail, ...message.split('\n')].map((line) => line.trim().slice(0, 1000));
  const units = new Set<string>();
  for (const line of lines) for (const pattern of NAMES_UNIT) units.add(pattern.exec(line)?.[1] ?? '');
  units.delete('');
  if (units.size > 0) return [...units].slice(-MOST_UNITS);
  return lines.some((line) => SPEAKS_OF_SERVICE.some((pattern) => pattern.test(line))) ? [] : undefined;
}

/**
 * Adds the journal's lines to the failures of an outcome, including ignored ones.
 * @param since when the component began, in milliseconds since 1970
 * @throws the signal's reason if it is canceled
 */
export async function withJournal<Failure extends Unexplained, Outcome extends WithFailures<Failure>>(
  instance: Instance,
  outcome: Outcome & WithFailures<Failure>,
  since: number,
  signal?: AbortSignal,
): Promise<Outcome> {
  const explained = async (failure: Failure): Promise<Failure> => {
    const units = failure.instanceLost ? undefined : unitsInQuestion(failure);
    return units === undefined
      ? failure
      : { ...failure, journal: { units, lines: await readJournal(instance, units, since, signal) } };
  };
  const ignored: Failure[] = [];
  for (const failure of outcome.ignored) ignored.push(await explained(failure));
  return {
    ...outcome,
    ignored,
    ...(outcome.failure === undefined ? {} : { failure: await explained(outcome.failure) }),
  };
}

/**
 * The journal's lines on these units since the system started, or without units everything since the component began,
 * oldest first. Empty without a journal, or if its output is invalid.
 */
async function readJournal(
  instance: Instance,
  units: readonly string[],
  since: number,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const where =
    units.length === 0 ? [`--since=@${(since / 1000).toFixed(3)}`] : units.flatMap((unit) => ['--unit', unit]);
  const lines: string[] = [];
  const splitter = lineSplitter((line) => lines.push(line));
  const read = (): Promise<CommandResult> =>
    instance.run(
      limited(
        {
          argv: ['journalctl', '--boot', '--no-pager', '--quiet', '--output=cat', `--lines=${JOURNAL_LINES}`, ...where],
          timeoutSeconds: ASK_SECONDS,
          signal,
          onOutput: (stream, chunk) => {
            if (stream === 'stdout') splitter.add(chunk);
          },
        },
        JOURNAL_BYTES,
        'journalctl',
      ),
    );
  try {
    await read();
  } catch (error) {
    if (error instanceof TooMuchOutput) return [];
    if (!(error instanceof InstanceError)) throw error;
  }
  splitter.end();
  return lines.filter((line) => line.trim() !== '').slice(-JOURNAL_LINES);
}

const SYSTEMD_SAYS =
  /^(?:Start(?:ing|ed) |Stopp(?:ing|ed) |Failed to start |\S+: (?:Main process exited|Control process exited|Failed with result|Scheduled restart job|Start request repeated|Deactivated successfully|Consumed ))/;

/** The journal's lines that say more than that a unit did not start, for people. Pure. */
export function tellingLines(journal: Journal | undefined): readonly string[] {
  return journal === undefined || journal.units.length === 0
    ? []
    : journal.lines.filter((line) => !SYSTEMD_SAYS.test(line));
}
