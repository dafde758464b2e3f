/**
 * Secrets that must not be in a finished image: private keys, tokens, shell history, authorized keys. A register, and
 * the program that searches an instance whose disk becomes an image. Pure, apart from running the program.
 */
import { readScript } from '../platform/scripts.ts';
import type { Instance } from '../instances/instance.ts';
import { wildcardMatcher } from '../policies/globs.ts';
import { runCaptured } from '../instances/output.ts';
import type { AllowedSecret, SearchedName } from '../resources/allowed-secrets.ts';
import { BASH } from './environment.ts';

/** Maximum bytes of all findings together: tens of thousands of files. */
const SEARCH_BYTES = 4 << 20;

/** One kind of secret: files of certain names, or lines of files. */
interface Wanted {
  readonly name: SearchedName;
  /** For messages: `a GitHub token`. */
  readonly what: string;
  /** Names of files, as for `find -name`. Without `line`, a file that exists and is not empty is a finding. */
  readonly files?: readonly string[];
  /** An extended regular expression for a line of a file. */
  readonly line?: string;
  /** A fixed text in each such line, for a quick first search of many files. Required without `files`. */
  readonly hint?: string;
}

const BORDER = '(^|[^A-Za-z0-9_])';

/** The register. It includes the tokens that are searched in component documents (`documents/component/secrets.ts`). */
export const WANTED: readonly Wanted[] = [
  // A header alone may be a constant in a program; a key has base64, or a PEM header, after it. In JSON the newline is
  // escaped.
  {
    name: 'private-key',
    what: 'a private key',
    hint: 'PRIVATE KEY',
    line: '-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----(\\\\r|\\\\n|[[:space:]])*([A-Za-z0-9+/=]{24}|$)',
  },
  {
    name: 'private-key',
    what: 'a private key of PuTTY',
    hint: 'PuTTY-User-Key-File-',
    line: '^PuTTY-User-Key-File-[0-9]',
  },
  { name: 'token', what: 'an AWS access key', hint: 'AKIA', line: `${BORDER}AKIA[0-9A-Z]{16}([^0-9A-Za-z]|$)` },
  {
    name: 'token',
    what: 'an AWS secret access key',
    hint: 'aws_secret_access_key',
    line: `aws_secret_access_key['"]?[[:space:]]*[=:][[:space:]]*['"]?[A-Za-z0-9/+=]{40}`,
  },
  { name: 'token', what: 'a GitHub token', hint: 'ghp_', line: `${BORDER}ghp_[A-Za-z0-9]{36}` },
  { name: 'token', what: 'a GitHub token', hint: 'ghs_', line: `${BORDER}ghs_[A-Za-z0-9]{36}` },
  { name: 'token', what: 'a GitHub token', hint: 'gho_', line: `${BORDER}gho_[A-Za-z0-9]{36}` },
  { name: 'token', what: 'a GitHub token', hint: 'github_pat_', line: `${BORDER}github_pat_[A-Za-z0-9_]{22}` },
  { name: 'token', what: 'a GitLab token', hint: 'glpat-', line: `${BORDER}glpat-[A-Za-z0-9_-]{20}` },
  { name: 'token', what: 'a Slack token', hint: 'xox', line: `${BORDER}xox[abprs]-[A-Za-z0-9]{8,}-[A-Za-z0-9-]{8,}` },
  { name: 'token', what: 'a Google API key', hint: 'AIza', line: `${BORDER}AIza[A-Za-z0-9_-]{35}([^A-Za-z0-9_-]|$)` },
  { name: 'token', what: 'an npm token', hint: 'npm_', line: `${BORDER}npm_[A-Za-z0-9]{36}` },
  { name: 'token', what: 'a Stripe key', hint: 'k_live_', line: `${BORDER}[rs]k_live_[A-Za-z0-9]{16}` },
  {
    name: 'token',
    what: 'credentials of a container registry',
    files: ['.dockercfg', 'config.json', 'auth.json'],
    hint: '"auth"',
    line: '"auth"[[:space:]]*:[[:space:]]*"[A-Za-z0-9+/=]{8}',
  },
  { name: 'token', what: 'a password of git', files: ['.git-credentials'], line: '://[^/:]+:[^@]+@' },
  {
    name: 'token',
    what: 'a password in a .netrc',
    files: ['.netrc', '_netrc'],
    line: '(^|[[:space:]])password[[:space:]]+[^[:space:]]',
  },
  {
    name: 'token',
    what: 'a token in an .npmrc',
    files: ['.npmrc', 'npmrc'],
    line: '_(authToken|password|auth)[[:space:]]*=[[:space:]]*[^$[:space:]]',
  },
  { name: 'token', what: 'a password of PostgreSQL', files: ['.pgpass'], line: '^[^#]' },
  {
    name: 'shell-history',
    what: 'a command history',
    files: [
      '.bash_history',
      '.zsh_history',
      '.zhistory',
      '.sh_history',
      '.ash_history',
      '.ksh_history',
      '.python_history',
      '.mysql_history',
      '.psql_history',
      '.sqlite_history',
      '.rediscli_history',
      '.node_repl_history',
      'fish_history',
    ],
  },
  {
    name: 'authorized-keys',
    what: 'keys that may log in',
    files: ['authorized_keys', 'authorized_keys2'],
    line: '^[^#]*(ssh-|ecdsa-|sk-)[A-Za-z0-9@.-]+ [A-Za-z0-9+/=]{20}',
  },
];

/** Findings that are reported but do not fail the build: a package creates them when it is installed. */
const TOLERATED: readonly (readonly [path: string, why: string])[] = [
  [
    '/etc/ssl/private/ssl-cert-snakeoil.key',
    'the package ssl-cert made it, and every instance of the image will have the same: `make-ssl-cert ' +
      'generate-default-snakeoil --force-overwrite` at the first boot makes another',
  ],
];

/**
 * Directories where people and components put files, and packages few: searched completely. Elsewhere only files newer
 * than the parent image are searched.
 */
const SEARCHED_WHOLLY = [
  '/etc',
  '/home',
  '/opt',
  '/root',
  '/srv',
  '/tmp',
  '/usr/local',
  '/var/lib/cloud',
  '/var/tmp',
  '/var/www',
];
/** Directories that are skipped: files of packages, and documentation. */
const PASSED_OVER = [
  '/boot',
  '/usr/lib/modules',
  '/usr/local/go',
  '/usr/share/doc',
  '/usr/share/info',
  '/usr/share/locale',
  '/usr/share/man',
  '/usr/share/perl',
  '/usr/share/zoneinfo',
  '/usr/src',
  '/var/cache',
  '/var/lib/apt',
  '/var/lib/dpkg',
  '/var/lib/rpm',
];
/** Paths whose content is not searched: public test keys of libraries. */
const NOT_READ = [
  '*/node_modules/*',
  '*/site-packages/*',
  '*/dist-packages/*',
  '*/gems/*',
  '*/go/pkg/mod/*',
  '*/.cargo/registry/*',
  '*/test/*',
  '*/tests/*',
  '*/testdata/*',
  '*/fixtures/*',
  '*/examples/*',
];
const LARGEST_KIB = 4096;

/** A finding. */
export interface DiskHit {
  readonly name: SearchedName;
  readonly what: string;
  /** Absolute path in the instance. */
  readonly path: string;
  /** Line number, from 1. */
  readonly line?: number;
  /** Why it is reported but does not fail the build. */
  readonly tolerated?: string;
}

const PROGRAM = readScript(import.meta.url, 'disk-search.sh', { LARGEST_KIB });

/**
 * Searches for secrets.
 * @param since when the parent image was made: outside of the directories where people put files, only newer files are
 * read
 * @throws {Error} if the search failed; the message says why
 */
export async function searchDisk(
  instance: Pick<Instance, 'run'>,
  since: Date,
  options: { readonly timeoutSeconds?: number; readonly signal?: AbortSignal } = {},
): Promise<readonly DiskHit[]> {
  const list = (words: readonly string[]): readonly string[] => [String(words.length), ...words];
  const ended = await runCaptured(
    instance,
    {
      argv: [
        ...BASH,
        PROGRAM,
        'search',
        String(Math.floor(since.getTime() / 1000) - 60),
        ...list([...new Set(WANTED.flatMap(({ files }) => files ?? []))]),
        ...list(SEARCHED_WHOLLY),
        ...list(PASSED_OVER),
        ...list(NOT_READ),
        ...list([...new Set(WANTED.flatMap(({ files, hint }) => (files === undefined ? [hint!] : [])))]),
        ...WANTED.flatMap(({ files, line, hint }) => [
          files?.join('|') ?? '',
          line ?? '',
          hint === 'PRIVATE KEY' ? 'key' : '',
          hint ?? '',
        ]),
      ],
      own: true,
      ...options,
    },
    { limit: SEARCH_BYTES, what: 'the search for secrets' },
  );
  if (ended.exitCode !== 0)
    throw new Error(
      ended.timedOut
        ? 'the search did not finish in time'
        : `the search ended with ${ended.exitCode ?? ended.signal}: ` +
            `${ended.stderr.toString('utf8').slice(-1000).trim()}`,
    );
  return readHits(ended.stdout.toString('utf8'));
}

/**
 * Parses the program's output.
 * @throws {Error} if its format is wrong
 */
export function readHits(printed: string): readonly DiskHit[] {
  return printed
    .split('\0')
    .filter((record) => record !== '')
    .map((record) => {
      const [, index = '', line = '', path = ''] = /^(\d{1,3}) (\d{1,15}) ([^]*)$/.exec(record) ?? [];
      const wanted = WANTED[Number(index)];
      if (index === '' || wanted === undefined) {
        const shown = JSON.stringify(record.slice(0, 80));
        throw new Error(
          `the search for secrets returned an unexpected record (${shown}): a component may have replaced a system ` +
            'program',
        );
      }
      const { name, what } = wanted;
      const tolerated = TOLERATED.find(([known]) => known === path)?.[1];
      return {
        name,
        what,
        path,
        ...(line === '0' ? {} : { line: Number(line) }),
        tolerated,
      };
    });
}

/** Whether a finding is allowed. */
export function isAllowed(hit: DiskHit, allowed: readonly AllowedSecret[]): boolean {
  return allowed.some(({ name, path }) => {
    return name === hit.name && (path === undefined || wildcardMatcher(path, '*')(hit.path));
  });
}
