/**
 * Files to and from web servers, by the instance's own network: a fixed program around curl, which Windows has had
 * since Server 2019. Addresses and headers reach it on stdin.
 */
import { BASH } from '../../guest/environment.ts';
import { ending, onWindows, type AttemptContext, type ModuleCommandResult } from '../module.ts';
import { runPowerShell } from './powershell.ts';

/** Patience with servers and networks that fail for a moment. */
const TRIES = 5;
/** Room that a download leaves on its file system. */
const SPARE_KIB = 64 * 1024;

/** What is sent, and where what comes goes. */
export interface Transfer {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly ignoreCertificateErrors?: boolean;
  /**
   * `get`: into the file, complete or not at all, made or replaced; `put`: the file is the body; `ask`: the answer's
   * body is given back.
   */
  readonly what: 'get' | 'put' | 'ask';
  /** Absolute path in the instance; empty for `ask`. */
  readonly path: string;
  /** Of what is got, in hexadecimal digits. */
  readonly checksum?: { readonly algorithm: string; readonly value: string };
  /** For a failure: not the address, which may hold a signature. */
  readonly shown: string;
}

/** How it went; `body` is what `ask` was answered. */
export type TransferEnd = { readonly body: string; readonly bytes?: Buffer | undefined } | { readonly failure: string };

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

/**
 * The same for Windows. curl gets its configuration below the writer of .NET, which would write a byte order mark
 * first.
 */
const WINDOWS_PROGRAM = `
$what, $path, $insecure, $algorithm, $checksum, $shown, $follow, $tries, $spare, $length = $args
$config = Content ([int]$length)
function RunCurl($options) {
  $start = [Diagnostics.ProcessStartInfo]::new('curl.exe', $options)
  $start.UseShellExecute = $false; $start.RedirectStandardInput = $true; $start.RedirectStandardOutput = $true; $start.RedirectStandardError = $true
  try { $process = [Diagnostics.Process]::Start($start) } catch { Fail 'there is no curl.exe in this system, by which files are transferred; Windows has it since Server 2019' }
  $printed = $process.StandardOutput.ReadToEndAsync(); $errors = $process.StandardError.ReadToEndAsync()
  $process.StandardInput.BaseStream.Write($config, 0, $config.Length); $process.StandardInput.BaseStream.Close()
  $process.WaitForExit()
  return @{ Code = $process.ExitCode; Status = $printed.Result; Said = $errors.Result.Trim() }
}
$options = '-q -sS -g --config - --connect-timeout 30 --speed-limit 1 --speed-time 120 --proto =http,https --write-out %{http_code}'
if ($insecure -eq 'true') { $options += ' --insecure' }
$limit = 1048576
if ($what -eq 'get') {
  $answer = "$path.ingot-download"
  # A share of the network tells no room: its server does.
  $limit = [long]::MaxValue
  try { $limit = [Math]::Max(1, [IO.DriveInfo]::new([IO.Path]::GetPathRoot($path)).AvailableFreeSpace - 1024 * [long]$spare) } catch { }
} else { $answer = [IO.Path]::GetTempFileName() }
if ($what -eq 'put') { $options += ' --upload-file "' + $path + '"' } else {
  if ($follow -eq 'true') { $options += ' --location --max-redirs 10 --proto-redir =http,https' }
  $options += " --max-filesize $limit"
}
$options += ' --output "' + $answer + '"'
function GiveUp($why) { Remove-Item -LiteralPath $answer -Force -ErrorAction SilentlyContinue; Fail $why }
for ($try = 1; ; $try++) {
  $ended = RunCurl $options
  if ($ended.Code -eq 0 -and $ended.Status -eq '200') { break }
  $why = $ended.Said
  if ($ended.Code -eq 63) { GiveUp "$shown is larger than the $([Math]::Floor($limit / 1048576)) MiB that there is room for" }
  if ($ended.Code -eq 0) {
    $body = ''
    if (Test-Path -LiteralPath $answer) { $body = [IO.File]::ReadAllText($answer) -replace '[\\r\\n\\x00]', ' ' }
    $why = "the server answered $($ended.Status): $($body.Substring(0, [Math]::Min(400, $body.Length)))"
    $passes = $ended.Status -match '^(408|429|5..)$'
  } else { $passes = @(1, 3, 22, 23, 26, 60, 77) -notcontains $ended.Code }
  if (-not $passes) { GiveUp "\${shown}: $why" }
  if ($try -ge [int]$tries) { GiveUp "\${shown}: $why (after $tries tries)" }
  Start-Sleep -Seconds ([Math]::Pow(2, $try - 1))
}
if ($what -eq 'ask') {
  $body = [IO.File]::ReadAllBytes($answer); $out = [Console]::OpenStandardOutput(); $out.Write($body, 0, $body.Length); $out.Flush()
}
if ($what -eq 'get') {
  # An answer without a body leaves no file.
  if (-not (Test-Path -LiteralPath $answer)) { [IO.File]::WriteAllBytes($answer, [byte[]]@()) }
  if ($algorithm) {
    $sum = (Get-FileHash -LiteralPath $answer -Algorithm $algorithm).Hash.ToLowerInvariant()
    if ($sum -ne $checksum) { GiveUp "$shown has another checksum than the one that is expected: $sum by $algorithm" }
  }
  Move-Item -LiteralPath $answer -Destination $path -Force
} else { Remove-Item -LiteralPath $answer -Force }
`;

/** Runs a transfer. @throws what `context.command` does */
export async function transfer(context: AttemptContext, request: Transfer): Promise<TransferEnd> {
  const ended = await send(context, request);
  if (ended.exitCode !== 0)
    return {
      failure:
        ended.stderr === ''
          ? `${request.shown}: ${ending(ended)}`
          : ended.stderr
              .split('\n')
              .map((line) => line.trim())
              .filter((line) => line !== '')
              .join('; '),
    };
  return { body: ended.stdout ?? '', bytes: ended.stdoutBytes };
}

function send(context: AttemptContext, request: Transfer): Promise<ModuleCommandResult> {
  const config = curlConfig(request.url, request.headers ?? {});
  const fields = [
    request.what,
    request.path,
    String(request.ignoreCertificateErrors ?? false),
    request.checksum?.algorithm.toLowerCase() ?? '',
    request.checksum?.value.trim().toLowerCase() ?? '',
    request.shown,
    // What is signed is for one server only.
    String(request.headers === undefined),
    String(TRIES),
    String(SPARE_KIB),
  ];
  if (!onWindows(context))
    return context.command({
      argv: [...BASH, PROGRAM, 'transfer', ...fields],
      stdin: config,
      quiet: true,
      what: request.shown,
    });
  const content = Buffer.from(config);
  return runPowerShell(context, {
    program: WINDOWS_PROGRAM,
    fields: [[...fields, String(content.length)]],
    content,
    what: request.shown,
  });
}

/** What curl reads: values in quotes. */
function curlConfig(url: string, headers: Readonly<Record<string, string>>): string {
  const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&').replace(/[\r\n]/g, '')}"`;
  // Not the host's: curl sends it itself, also to where it is redirected.
  const lines = Object.entries(headers)
    .filter(([name]) => name !== 'host')
    .map(([name, value]) => `header = ${quoted(`${name}: ${value}`)}`);
  return [`url = ${quoted(url)}`, 'header = "Expect:"', ...lines].join('\n');
}
