/**
 * What an instance is told so that it works in its network: proxy, authorities, package mirrors. It is on the disk,
 * marked as Ingot's, and is taken out again before the disk becomes an image. One script puts in and takes out; it can
 * be repeated, and begins by taking out what was there.
 */
import { X509Certificate } from 'node:crypto';
import type { Instance } from '../instances/instance.ts';
import { limited } from '../instances/output.ts';
import type { NetworkProfile } from '../platform/config/networks.ts';
import { BASH } from './environment.ts';
import { LineTail, lineSplitter } from './lines.ts';

/** What is put in. */
export interface NetworkSettings extends Pick<NetworkProfile, 'mirrors' | 'proxy' | 'noProxy'> {
  /** Certificates, PEM, one each. */
  readonly authorities: readonly string[];
}

/** On a disk that has settings, what they are. */
const SETTINGS_FOLDER = '/var/lib/ingot-network';
const AUTHORITIES = `${SETTINGS_FOLDER}/authorities`;
const SECONDS = 300;
/** Bytes that the script may print. */
const SCRIPT_BYTES = 16 << 20;

/** Whether there is anything to put in. */
export function hasSettings(profile: NetworkProfile): boolean {
  return profile.mirrors.length > 0 || profile.proxy !== undefined || profile.certificates.length > 0;
}

/** The certificates of a file. Pure. @throws {Error} naming the file when it has none, or one that is damaged */
export function certificatesIn(text: string, path: string): readonly string[] {
  const found = [...text.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)].map(
    ([certificate]) => `${certificate}\n`,
  );
  if (found.length === 0) throw new Error(`${path} has no certificate in PEM form (-----BEGIN CERTIFICATE-----)`);
  for (const certificate of found) {
    try {
      new X509Certificate(certificate);
    } catch (cause) {
      throw new Error(`${path} has a certificate that cannot be read`, { cause });
    }
  }
  return found;
}

/** Environment variables by which programs find the proxy; empty without one. Pure. */
export function proxyEnvironment({
  proxy,
  noProxy,
}: Pick<NetworkSettings, 'proxy' | 'noProxy'>): Readonly<Record<string, string>> {
  if (proxy === undefined) return {};
  const direct = ['localhost', '127.0.0.1', '169.254.169.254', ...noProxy].join(',');
  return {
    http_proxy: proxy,
    https_proxy: proxy,
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    no_proxy: direct,
    NO_PROXY: direct,
  };
}

/** Puts the settings in, in place of what was there. @throws {Error} with what the script said */
export async function putNetworkSettings(
  instance: Instance,
  settings: NetworkSettings,
  signal?: AbortSignal,
): Promise<void> {
  await instance.run({
    argv: ['rm', '-rf', AUTHORITIES],
    own: true,
    timeoutSeconds: SECONDS,
    signal,
  });
  for (const [index, certificate] of settings.authorities.entries())
    await instance.put(`${AUTHORITIES}/ingot-network-${index}.crt`, certificate);
  await runScript(instance, 'put', settings, signal);
}

/** Takes out what was put in; nothing where nothing was. @throws {Error} with what the script said */
export async function takeOutNetworkSettings(instance: Instance, signal?: AbortSignal): Promise<void> {
  const { exitCode } = await instance.run({
    argv: ['test', '-e', SETTINGS_FOLDER],
    own: true,
    timeoutSeconds: SECONDS,
    signal,
  });
  if (exitCode === 0) await runScript(instance, 'take-out', { mirrors: [], noProxy: [], authorities: [] }, signal);
}

async function runScript(
  instance: Instance,
  what: 'put' | 'take-out',
  settings: NetworkSettings,
  signal?: AbortSignal,
): Promise<void> {
  const tail = new LineTail(5);
  const lines = lineSplitter((line) => tail.add(line));
  const environment = Object.entries(proxyEnvironment(settings)).map(([name, value]) => `${name}=${value}`);
  const request = limited(
    {
      argv: [
        ...BASH,
        PROGRAM,
        'network-settings',
        what,
        settings.proxy ?? '',
        settings.noProxy.join(' '),
        String(environment.length),
        ...environment,
        ...settings.mirrors.flatMap(({ of, url }) => [of, url]),
      ],
      timeoutSeconds: SECONDS,
      onOutput: (_, chunk) => lines.add(chunk),
      signal,
    },
    SCRIPT_BYTES,
    'what sets the network',
  );
  const { exitCode } = await instance.run(request);
  lines.end();
  if (exitCode !== 0)
    throw new Error(
      `the settings of the network could not be ${what === 'put' ? 'put in' : 'taken out'}: ` +
        `${tail.lines().join('; ') || `exit code ${exitCode}`}`,
    );
}

const PROGRAM = String.raw`
what=$1 proxy=$2 direct=$3 variables=$4
shift 4
state=__STATE__
begin='# Set by the network of this build: taken out of the image' end='# End of what the network of this build sets'
[ "$what" = put ] || [ -e "$state" ] || exit 0
shopt -s nullglob
fail() { printf '%s\n' "$1" >&2; exit 1; }
keep() { cmp -s "$1" "$2" || cat "$2" > "$1" || fail "$1 cannot be written"; }
new=$(mktemp) || exit 1
trap 'rm -f -- "$new"' EXIT

# Where one address stands, another: as a whole, or with a path behind it.
sources() {
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources /etc/yum.repos.d/*.repo /etc/zypp/repos.d/*.repo; do
    [ -f "$file" ] || continue
    FROM=$1 TO=$2 awk 'BEGIN { from = ENVIRON["FROM"]; to = ENVIRON["TO"] }
      { line = $0; out = ""
        while ((at = index(line, from)) > 0) {
          behind = substr(line, at + length(from), 1)
          out = out substr(line, 1, at - 1) ((behind == "" || index("/ \t,", behind) > 0) ? to : from)
          line = substr(line, at + length(from))
        }
        print out line }' "$file" > "$new" || fail "$file cannot be read"
    keep "$file" "$new"
  done
  # The indexes that apt has of the one are those of the other.
  from=$(index_name "$1") to=$(index_name "$2")
  for file in /var/lib/apt/lists/"$from"_*; do mv -f -- "$file" "/var/lib/apt/lists/$to\${file#/var/lib/apt/lists/$from}"; done
}
index_name() { local name=\${1#*://}; name=\${name//_/%5f}; name=\${name//\~/%7e}; printf %s "\${name//\//_}"; }

trust() {
  if command -v update-ca-certificates >/dev/null; then update-ca-certificates "$@" >/dev/null || fail 'update-ca-certificates failed'
  elif command -v update-ca-trust >/dev/null; then update-ca-trust || fail 'update-ca-trust failed'; fi
}

take_out() {
  if [ -f /etc/environment ] && grep -qxF "$begin" /etc/environment; then
    BEGIN=$begin END=$end awk '$0 == ENVIRON["BEGIN"] { inside = 1 } !inside { print } $0 == ENVIRON["END"] { inside = 0 }' /etc/environment > "$new" || exit 1
    keep /etc/environment "$new"
    [ -s /etc/environment ] || [ ! -e "$state/made-environment" ] || rm -f /etc/environment
  fi
  rm -f /etc/apt/apt.conf.d/95ingot-network
  if [ -f "$state/settings" ]; then
    while IFS=' ' read -r kind of url; do [ "$kind" != mirror ] || sources "$url" "$of"; done < "$state/settings"
    if grep -qx authorities "$state/settings"; then
      rm -f /usr/local/share/ca-certificates/ingot-network-*.crt /etc/pki/ca-trust/source/anchors/ingot-network-*.crt /etc/pki/trust/anchors/ingot-network-*.crt
      trust --fresh
    fi
  fi
}

take_out
if [ "$what" = take-out ]; then rm -rf -- "$state"; exit 0; fi
mkdir -p -m 0755 "$state" || exit 1
: > "$state/settings"
if [ "$variables" -gt 0 ]; then
  [ -e /etc/environment ] || : > "$state/made-environment"
  [ -z "$(tail -c 1 /etc/environment)" ] || echo >> /etc/environment
  { echo "$begin"; printf '%s\n' "\${@:1:variables}"; echo "$end"; } >> /etc/environment || exit 1
  if [ -d /etc/apt/apt.conf.d ]; then
    { printf 'Acquire::%s::Proxy "%s";\n' http "$proxy" https "$proxy"
      for host in $direct; do case $host in *[!A-Za-z0-9.-]*) ;; *) printf 'Acquire::%s::Proxy::%s "DIRECT";\n' http "$host" https "$host" ;; esac; done
    } > /etc/apt/apt.conf.d/95ingot-network || exit 1
  fi
fi
shift "$variables"
while [ $# -gt 1 ]; do
  # On record before it is done.
  printf 'mirror %s %s\n' "$1" "$2" >> "$state/settings" || exit 1
  sources "$1" "$2"
  shift 2
done
authorities=("$state"/authorities/*.crt)
if [ "\${#authorities[@]}" -gt 0 ]; then
  echo authorities >> "$state/settings" || exit 1
  anchors=/usr/local/share/ca-certificates
  for folder in /etc/pki/ca-trust/source/anchors /etc/pki/trust/anchors; do [ ! -d "$folder" ] || anchors=$folder; done
  mkdir -p "$anchors" && cp -- "\${authorities[@]}" "$anchors/" || exit 1
  trust
fi
exit 0
`
  .replaceAll('\\$', '$')
  .replace('__STATE__', SETTINGS_FOLDER);
