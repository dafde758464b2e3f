/**
 * What must not be in a finished image: private keys, tokens, shell history, authorized keys. A register, and the
 * program that looks for it in an instance whose disk becomes an image. Pure, apart from running the program.
 */
import type { Instance } from '../instances/instance.ts';
import { wildcardMatcher } from '../policies/globs.ts';
import { runCaptured } from '../instances/output.ts';
import type { AllowedSecret, SearchedName } from '../resources/allowed-secrets.ts';
import { BASH } from './environment.ts';

/** Bytes of all hits together: tens of thousands of files. */
const SEARCH_BYTES = 4 << 20;

/** One thing that is looked for: files of certain names, or lines of files. */
interface Wanted {
  readonly name: SearchedName;
  /** For messages: `a GitHub token`. */
  readonly what: string;
  /**
   * Names of files, as `find -name` has them: their being there, not empty, is the hit, or what `line` matches in them.
   */
  readonly files?: readonly string[];
  /** An extended regular expression that a line of a file matches. */
  readonly line?: string;
  /** A text that is in each such line, for a first look at many files. Needed where `files` are not given. */
  readonly hint?: string;
}

const BORDER = '(^|[^A-Za-z0-9_])';

/** The register. What is a token in a component document (`documents/component/secrets.ts`) is one on a disk, too. */
export const WANTED: readonly Wanted[] = [
  // A header alone is a word of a program; behind it comes base64, or a header of PEM. In JSON the newline is written
  // out.
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
    what: 'what somebody typed',
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

/** Hits that are told and fail nothing: a package makes them at its installation. */
const TOLERATED: readonly (readonly [path: string, why: string])[] = [
  [
    '/etc/ssl/private/ssl-cert-snakeoil.key',
    'the package ssl-cert made it, and every instance of the image will have the same: `make-ssl-cert ' +
      'generate-default-snakeoil --force-overwrite` at the first boot makes another',
  ],
];

/**
 * Folders where people and components put files, and packages few: searched wholly. Elsewhere only what is newer than
 * the parent image.
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
/** Folders that are not looked into at all: what packages bring, what they know of themselves. */
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
/** Patterns of paths whose lines are not looked at: keys that libraries are tested with, and that are public. */
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

/** Something that was found. */
export interface DiskHit {
  readonly name: SearchedName;
  readonly what: string;
  /** Absolute, in the instance. */
  readonly path: string;
  /** Of a line: from 1. */
  readonly line?: number;
  /** Why it is told and fails nothing. */
  readonly tolerated?: string;
}

// Arguments: the seconds since which files are new; then, each list behind its length: names of files, folders searched
// wholly, folders passed over, patterns not read, hints, and names, file patterns and expressions of the register.
// Prints `INDEX LINE PATH` and a NUL for each hit, never what it found.
const PROGRAM = `
export LC_ALL=C
since=$1; shift
lists() { local -n into=$1; into=("\${@:3:$2}"); }
count=$1; shift; lists names "$count" "$@"; shift "$count"
count=$1; shift; lists wholly "$count" "$@"; shift "$count"
count=$1; shift; lists passed "$count" "$@"; shift "$count"
count=$1; shift; lists without "$count" "$@"; shift "$count"
count=$1; shift; lists hints "$count" "$@"; shift "$count"
for program in find grep xargs md5sum; do command -v "$program" >/dev/null || { echo "the program $program is missing in this system" >&2; exit 3; }; done

named=(); for name in "\${names[@]}"; do named+=(-o -name "$name"); done
inside=(); for folder in "\${wholly[@]}"; do inside+=(-o -path "$folder/*"); done
over=(-false); for folder in "\${passed[@]}"; do over+=(-o -path "$folder"); done
outside=(); for pattern in "\${without[@]}"; do outside+=(! -path "$pattern"); done
words=(); for hint in "\${hints[@]}"; do words+=(-e "$hint"); done

# One walk gives both: files by their names, and those whose lines are looked at.
work=$(mktemp -d -p /run ingot-search.XXXXXX) || exit 3
trap 'rm -rf -- "$work"' EXIT
find / -xdev -type d \\( "\${over[@]}" \\) -prune -o -type f -size +0 \\( \\( -false "\${named[@]}" \\) -fprint0 "$work/named" , \\
  -size -${LARGEST_KIB}k \\( -newerct "@$since" "\${inside[@]}" \\) "\${outside[@]}" -fprint0 "$work/candidates" \\) 2>/dev/null
xargs -0 -r grep -IlFZs "\${words[@]}" -- <"$work/candidates" >"$work/hinted"

# A file of a package, as that has it, is public.
packaged() {
  local sum rest=\${1#/}
  if [ -d /var/lib/dpkg/info ]; then
    sum=$(md5sum <"$1") || return 1; sum=\${sum%% *}
    grep -qsxF -e "$sum  $rest" -e "$sum  \${rest#usr/}" /var/lib/dpkg/info/*.md5sums && return 0
    grep -qsF -e " $1 $sum" /var/lib/dpkg/status && return 0
  fi
  if command -v rpm >/dev/null && rpm -qf -- "$1" >/dev/null 2>&1; then
    rpm -Vf -- "$1" 2>/dev/null | grep -qF -e " $1" || return 0
  fi
  return 1
}
hit() { packaged "$3" || printf '%s %s %s\\0' "$1" "$2" "$3"; }

index=0
while [ $# -gt 0 ]; do
  patterns=$1 line=$2 keep=$3 hint=$4; shift 4
  list=named
  if [ -z "$patterns" ]; then
    # Most rows find nothing, and each program costs an emulated machine some 20 ms.
    [ -s "$work/hinted" ] || { index=$((index + 1)); continue; }
    list=of-row
    xargs -0 -r grep -IlFZs -e "$hint" -- <"$work/hinted" >"$work/$list"
  fi
  while IFS= read -r -d '' path; do
    if [ -n "$patterns" ]; then case "|$patterns|" in *"|\${path##*/}|"*) ;; *) continue ;; esac; fi
    if [ -z "$line" ]; then hit $index 0 "$path"; continue; fi
    # What documentation shows is no token.
    if [ "$keep" = key ]; then number=$(grep -nIEs -m 1 -e "$line" -- "$path"); else number=$(grep -nIEs -e "$line" -- "$path" | grep -vE 'EXAMPLE|XXXX' | head -n 1); fi
    number=\${number%%:*}
    [ -n "$number" ] || continue
    if [ "$keep" = key ]; then
      # A line behind a header, unless all of the key is in one.
      grep -IEs -A 2 -e "$line" -- "$path" | grep -qE -e '-----.*[A-Za-z0-9+/=]{24}' -e '^[[:space:]"]*[A-Za-z0-9+/=]{24,}' -e '^[A-Za-z-]+: ' || continue
    fi
    hit $index "$number" "$path"
  done <"$work/$list"
  index=$((index + 1))
done
`;

/**
 * Looks for what must not be in an image.
 * @param since when the parent image was made: elsewhere than where people put files, only what is newer is read
 * @throws {Error} when it could not be looked; the message says why
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
        ? 'the search did not end in time'
        : `the search ended with ${ended.exitCode ?? ended.signal}: ` +
            `${ended.stderr.toString('utf8').slice(-1000).trim()}`,
    );
  return readHits(ended.stdout.toString('utf8'));
}

/** What the program printed. @throws {Error} for what it does not print */
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
        ...(tolerated === undefined ? {} : { tolerated }),
      };
    });
}

/** Whether a hit is allowed. */
export function isAllowed(hit: DiskHit, allowed: readonly AllowedSecret[]): boolean {
  return allowed.some(({ name, path }) => {
    return name === hit.name && (path === undefined || wildcardMatcher(path, '*')(hit.path));
  });
}
