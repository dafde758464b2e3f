/**
 * What the journal says of services that a failed step speaks of: "see journalctl" helps nobody once the machine is
 * gone, and what a container refused a service stands nowhere else.
 */
import { InstanceError, type CommandResult, type Instance } from '../instances/instance.ts';
import { limited, TooMuchOutput } from '../instances/output.ts';
import { lineSplitter } from './lines.ts';

/** What the journal says of services. */
export interface Journal {
  /** None stands for all. */
  readonly units: readonly string[];
  readonly lines: readonly string[];
}

/** A failure that the journal may explain. */
export interface Unexplained {
  readonly message: string;
  /** The last lines that were printed, oldest first. */
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
/** Bytes of the journal that are read: a line in it may have 48 kB. */
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
 * Lines that speak of a service and do not name it: answers of `systemctl is-active`, and something on this machine
 * that does not listen.
 */
const SPEAKS_OF_SERVICE: readonly RegExp[] = [
  /\bjournalctl -/,
  /^(?:failed|inactive|activating|deactivating)$/,
  /(?:localhost|127\.0\.0\.1|\[?::1\]?)\b.*(?:[Rr]efused|[Cc]ouldn't connect|[Ff]ailed to connect|[Cc]ould not connect|[Cc]annot connect|[Cc]an't connect|not running)/,
  /(?:[Rr]efused|[Ff]ailed to connect|[Cc]ould not connect|[Cc]annot connect|[Cc]an't connect|[Uu]nable to connect)\b.*(?:localhost|127\.0\.0\.1|::1|unix:|\/run\/|\.sock\b)/,
];

/**
 * Of which units the journal may tell why a step failed; none means of some service that is not named, `undefined` that
 * services have nothing to do with it. Pure.
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
 * An outcome whose failures, ignored ones too, have what the journal says of them.
 * @param since milliseconds since 1970 at which the component began
 * @throws the signal's reason when cancelled
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
 * The journal's lines on these units since the system started, else on everything since the component began, oldest
 * first; none where there is no journal, or where it does not answer, or not as a journal does.
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

/** Of the units that a step names, the lines that say more than that they did not start: for people. Pure. */
export function tellingLines(journal: Journal | undefined): readonly string[] {
  return journal === undefined || journal.units.length === 0
    ? []
    : journal.lines.filter((line) => !SYSTEMD_SAYS.test(line));
}
