/** Debian's mirrors, the progress of package installations, and their errors. Pure. */
import { diskFullMessage, saysDiskFull } from '../../platform/disk-full.ts';
import type { Report } from '../../resources/progress.ts';

/** Two mirrors, since security updates have a separate one. */
export interface DebianMirrors {
  readonly main: string;
  readonly security: string;
}

/**
 * The mirrors that the environment names (`INGOT_DEBIAN_MIRROR`, `INGOT_DEBIAN_SECURITY_MIRROR`), otherwise Debian's
 * own.
 * @throws {Error} for an invalid URL, or one with a password (which would be in every image)
 */
export function mirrorsFromEnvironment(env: Readonly<Record<string, string | undefined>>): DebianMirrors {
  return {
    main: mirror('INGOT_DEBIAN_MIRROR', env, 'http://deb.debian.org/debian'),
    security: mirror('INGOT_DEBIAN_SECURITY_MIRROR', env, 'http://deb.debian.org/debian-security'),
  };
}

function mirror(variable: string, env: Readonly<Record<string, string | undefined>>, standard: string): string {
  const value = env[variable]?.trim() || standard;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || /[\s[\]"']/.test(value)) {
    throw new Error(`${variable} must be an http or https address such as ${standard}, not '${value}'`);
  }
  if (url.username || url.password)
    throw new Error(`${variable} must not contain a user or password, because it is written into every image`);
  return value.replace(/\/+$/, '');
}

/** Lines of `sources.list` for a release and its updates. */
export function debianSources(release: string, mirrors: DebianMirrors): string {
  return `deb ${mirrors.main} ${release} main
deb ${mirrors.main} ${release}-updates main
deb ${mirrors.security} ${release}-security main
`;
}

/** Reads the output of mmdebstrap, apt and dpkg. */
export interface PackageProgress {
  readonly output: (chunk: Buffer) => void;
  /** The last lines, for messages. */
  readonly tail: () => string;
}

/** Turns the output into progress: each package counts three times, when it is downloaded, unpacked and set up. */
export function packageProgress(report: Report): PackageProgress {
  const lines: string[] = [];
  let rest = '';
  let total = 0;
  let done = 0;
  const take = (line: string): void => {
    lines.push(line);
    if (lines.length > 60) lines.shift();
    // Printed once for the essential packages and once for the others.
    const count = /^\d+ upgraded, (\d+) newly installed/.exec(line)?.[1];
    if (count !== undefined) total += 3 * Number(count);
    const [, verb, name] = /^(Get:\d+|Unpacking|Setting up) (\S+)/.exec(line) ?? [];
    if (verb === undefined || total === 0) return;
    done = Math.min(done + 1, total);
    report({
      type: 'progress',
      text: verb.startsWith('Get')
        ? 'fetching packages'
        : `${verb === 'Unpacking' ? 'unpacking' : 'setting up'} ${name}`,
      done,
      total,
    });
  };
  return {
    output(chunk) {
      const parts = (rest + chunk.toString('utf8')).split(/\r?\n/);
      rest = parts.pop()!;
      parts.forEach(take);
    },
    tail: () => [...lines, rest].join('\n'),
  };
}

/**
 * Explains an error, with advice.
 * @param output the last lines of mmdebstrap's output
 */
export function explainFailure(output: string, mirrors: DebianMirrors, cause: Error): Error {
  const remedy =
    "Check this host's network, DNS and proxy, or name mirrors that it reaches in INGOT_DEBIAN_MIRROR and " +
    'INGOT_DEBIAN_SECURITY_MIRROR.';
  const [, address, reason] = /^[EW]: Failed to fetch (\S+)\s+(.*)$/m.exec(output) ?? [];
  if (saysDiskFull(output)) return new Error(diskFullMessage('a base image takes 4 GiB while it is made'), { cause });
  if (/NO_PUBKEY|EXPKEYSIG|is not signed|signatures? (?:couldn't|could not) be verified/.test(output)) {
    return new Error(
      `the packages of ${mirrors.main} are not signed by a key that this host knows: is it a mirror of Debian, and ` +
        'is debian-archive-keyring up to date?',
      { cause },
    );
  }
  if (/does not have a Release file|404\s+Not Found/.test(output)) {
    const what = address ?? /The repository '([^']+)'/.exec(output)?.[1] ?? mirrors.main;
    return new Error(
      `${what} does not exist: the mirror does not have this release or package. Name mirrors that do in ` +
        'INGOT_DEBIAN_MIRROR and INGOT_DEBIAN_SECURITY_MIRROR.',
      { cause },
    );
  }
  if (address !== undefined)
    return new Error(
      `the packages of Debian could not be fetched from ${hostOf(address)}: ${reason?.trim()}. ${remedy}`,
      { cause },
    );
  const last = output
    .split('\n')
    .filter((line) => /^(?:E|W|dpkg|mmdebstrap):/i.test(line.trim()))
    .slice(-4)
    .join('\n');
  return new Error(`mmdebstrap failed: ${last || output.trim().split('\n').slice(-6).join('\n')}`, { cause });
}

function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).host || address : address;
}
