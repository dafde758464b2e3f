/** The response of the configured Debian mirror. */
import { mirrorsFromEnvironment } from '../images/base/debian-packages.ts';
import { headOf } from '../platform/http.ts';
import { patient } from '../platform/patience.ts';
import { APT_VARIABLES, run } from '../platform/processes.ts';
import { withDeadline } from '../platform/clock.ts';

/** The release whose index is requested: every suitable mirror has it. */
const RELEASE = 'bookworm';
const ANSWER_MS = 5000;

/** A response, or why there is none. */
export interface MirrorAnswer {
  /** The mirror's URL, without a trailing slash. */
  readonly url: string;
  /** The proxy that apt uses for it. May contain a password: never shown. */
  readonly proxy?: string;
  /** HTTP status; absent without a response. */
  readonly status?: number;
  /** Why there was no response. */
  readonly failure?: string;
  /** Milliseconds by which this host's clock is ahead of the mirror's, with a precision of a second. */
  readonly clockAheadMs?: number;
}

/**
 * Requests the mirror's index, within 5 s.
 * @throws {Error} if INGOT_DEBIAN_MIRROR is not a URL
 */
export async function askMirror(
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<MirrorAnswer> {
  const url = mirrorsFromEnvironment(env).main;
  const proxy = await proxyFor(url, env);
  const known = { url, proxy };
  const patience = withDeadline(
    signal,
    patient(ANSWER_MS),
    () => new Error(`no answer within ${patient(ANSWER_MS) / 1000} s`),
  );
  try {
    const { status, headers } = await headOf(`${url}/dists/${RELEASE}/InRelease`, {
      signal: patience.signal,
      proxy,
    });
    const ahead = clockAhead(headers.date, headers.age, Date.now());
    return { ...known, status, clockAheadMs: ahead };
  } catch (error) {
    signal.throwIfAborted();
    return { ...known, failure: failureOf(error as NodeJS.ErrnoException) };
  } finally {
    patience.end();
  }
}

/**
 * The difference between a clock and a server's.
 * @param age the header that caches add: the age of the response in seconds
 */
export function clockAhead(date: string | undefined, age: string | undefined, now: number): number | undefined {
  const then = Date.parse(date ?? '');
  return Number.isNaN(then) ? undefined : now - then - (Number(age ?? 0) || 0) * 1000;
}

/** The proxy that apt would use: from its configuration, otherwise from the environment. */
async function proxyFor(url: string, env: Readonly<Record<string, string | undefined>>): Promise<string | undefined> {
  const scheme = new URL(url).protocol.slice(0, -1);
  const { stdout } = await run(['apt-config', 'dump', '--format', '%v%n', `Acquire::${scheme}::Proxy`], {
    okCodes: 'any',
    inherit: APT_VARIABLES,
    timeoutMs: patient(5000),
  }).catch(() => ({ stdout: '' }));
  const proxy = stdout.trim() || env[`${scheme}_proxy`] || undefined;
  return proxy === undefined || proxy === 'DIRECT' || !URL.canParse(proxy) ? undefined : proxy;
}

function failureOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOTFOUND':
      return 'its name is not known';
    case 'EAI_AGAIN':
      return 'its name cannot be resolved: no resolver answers';
    case 'ECONNREFUSED':
      return 'it refuses connections';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'it has no route';
    default:
      return error.message || (error.code ?? 'unknown error');
  }
}
