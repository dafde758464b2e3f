/** Files to and from web servers, by the instance's own network: a fixed program around curl. Addresses and headers reach it on stdin. */
import { BASH } from './environment.ts';
import { ending, type AttemptContext } from './module.ts';

/** Patience with servers and networks that fail for a moment. */
const TRIES = 5;
/** Room that a download leaves on its file system. */
const SPARE_KIB = 64 * 1024;

/** What is sent, and where what comes goes. */
export interface Transfer {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly ignoreCertificateErrors?: boolean;
  /** `get`: into the file, complete or not at all, made or replaced; `put`: the file is the body; `ask`: the answer's body is given back. */
  readonly what: 'get' | 'put' | 'ask';
  /** Absolute path in the instance; empty for `ask`. */
  readonly path: string;
  /** Of what is got, in hexadecimal digits. */
  readonly checksum?: { readonly algorithm: string; readonly value: string };
  /** For a failure: not the address, which may hold a signature. */
  readonly shown: string;
}

/** How it went; `body` is what `ask` was answered. */
export type TransferEnd = { readonly body: string } | { readonly failure: string };

// The proxy of the system is that of its commands: shells and services take it from /etc/environment.
const PROGRAM = `
what=$1 path=$2 insecure=$3 algorithm=$4 checksum=$5 shown=$6 follow=$7 tries=$8 spare=$9
fail() { printf '%s\\n' "$1" >&2; exit 1; }
command -v curl >/dev/null || fail "there is no program curl in this system, by which files are transferred: install it in a step before"
if [ -r /etc/environment ]; then
  while IFS='=' read -r name value; do
    case "$name" in http_proxy|https_proxy|no_proxy|all_proxy|HTTPS_PROXY|NO_PROXY|ALL_PROXY)
      value=\${value%\\"}; value=\${value#\\"}; [ -n "\${!name}" ] || export "$name=$value" ;;
    esac
  done < /etc/environment
fi
config=$(cat)
options=(-q -sS -g --config - --connect-timeout 30 --speed-limit 1 --speed-time 120 --proto =http,https --write-out '%{http_code}')
[ "$insecure" = true ] && options+=(--insecure)
limit=1048576
if [ "$what" = put ]; then
  options+=(--upload-file "$path"); answer=$(mktemp) || exit 1
else
  [ -z "$path" ] && answer=$(mktemp) || answer=$(mktemp -- "\${path%/*}/.ingot-download.XXXXXX") || exit 1
  [ "$follow" = true ] && options+=(--location --max-redirs 10 --proto-redir =http,https)
  if [ "$what" = get ]; then
    free=$(df -Pk -- "$answer" | awk 'NR == 2 { print $4 }')
    limit=$(( (free - spare) * 1024 ))
    [ "$limit" -gt 0 ] || limit=1
  fi
  options+=(--max-filesize "$limit")
fi
errors=$(mktemp) || exit 1
trap 'rm -f -- "$answer" "$errors"' EXIT
for (( try = 1; ; try++ )); do
  said=$( (ulimit -f $(( limit / 1024 + 1 )) 2>/dev/null; exec curl "\${options[@]}" --output "$answer" 2> "$errors") <<< "$config")
  ended=$? status=\${said: -3}
  if [ "$ended" = 0 ] && [ "$status" = 200 ]; then break; fi
  why=$(cat "$errors")
  case "$ended" in
    0) why="the server answered $status: $(head -c 400 -- "$answer" | tr '\\n\\r\\0' '   ')" ;;
    63|153) fail "$shown is larger than the $(( limit / 1048576 )) MiB that there is room for" ;;
  esac
  case "$ended-$status" in
    0-408|0-429|0-5??) ;;
    0-*|1-*|3-*|22-*|23-*|26-*|60-*|77-*) fail "$shown: $why" ;;
  esac
  [ "$try" -lt "$tries" ] || fail "$shown: $why (after $tries tries)"
  sleep $(( 1 << (try - 1) ))
done
case "$what" in
  ask) cat -- "$answer" ;;
  get)
    if [ -n "$algorithm" ]; then
      sum=$("\${algorithm}sum" < "$answer") || exit 1
      [ "\${sum%% *}" = "$checksum" ] || fail "$shown has another checksum than the one that is expected: \${sum%% *} by $algorithm"
    fi
    chmod 0644 -- "$answer" && mv -f -- "$answer" "$path" || exit 1 ;;
esac
`;

/** Runs a transfer. @throws what `context.command` does */
export async function transfer(context: AttemptContext, request: Transfer): Promise<TransferEnd> {
  const ended = await context.command({
    argv: [
      ...BASH, PROGRAM, 'transfer', request.what, request.path, String(request.ignoreCertificateErrors ?? false),
      request.checksum?.algorithm.toLowerCase() ?? '', request.checksum?.value.trim().toLowerCase() ?? '', request.shown,
      // What is signed is for one server only.
      String(request.headers === undefined), String(TRIES), String(SPARE_KIB),
    ],
    stdin: curlConfig(request.url, request.headers ?? {}),
    quiet: true,
    what: request.shown,
  });
  if (ended.exitCode !== 0) return { failure: ended.stderr === '' ? `${request.shown}: ${ending(ended)}` : ended.stderr.split('\n').filter((line) => line !== '').join('; ') };
  return { body: ended.stdout ?? '' };
}

/** What curl reads: values in quotes. */
export function curlConfig(url: string, headers: Readonly<Record<string, string>>): string {
  const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&').replace(/[\r\n]/g, '')}"`;
  // Not the host's: curl sends it itself, also to where it is redirected.
  const lines = Object.entries(headers).filter(([name]) => name !== 'host').map(([name, value]) => `header = ${quoted(`${name}: ${value}`)}`);
  return [`url = ${quoted(url)}`, 'header = "Expect:"', ...lines].join('\n');
}
