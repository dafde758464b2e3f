# Puts the settings of a network in, or takes them out: `network-settings.ts`. Arguments: put, take-out or seal (what a
# container needs as well goes then), the proxy,
# hosts that are asked directly, the number of variables, these, then pairs of address and mirror.
# The folder's mode is for it alone (SC2174).
# shellcheck shell=bash disable=SC2174
what=$1 proxy=$2 direct=$3 variables=$4
shift 4
state=@SETTINGS_FOLDER@
begin='# Set by the network of this build: taken out of the image' end='# End of what the network of this build sets'

# The resolv.conf that a container was given (`instances/nspawn/names.ts`): in a machine, and in an image, the one that
# was there.
own_resolver() {
  local kept=@RESOLVER_FOLDER@
  [ -d "$kept" ] || return
  if head -n 1 /etc/resolv.conf 2>/dev/null | grep -qxF '@RESOLVER_MARK@' && ! [ -L /etc/resolv.conf ]; then
    if [ -e "$kept/resolv.conf" ] || [ -L "$kept/resolv.conf" ]; then mv -f -- "$kept/resolv.conf" /etc/resolv.conf
    else rm -f /etc/resolv.conf; fi || { echo '/etc/resolv.conf cannot be put back' >&2; exit 1; }
  fi
  rm -rf -- "$kept"
}
if [ "$what" = seal ] || ! systemd-detect-virt --container --quiet; then own_resolver; fi
[ "$what" = put ] || [ -e "$state" ] || exit 0
shopt -s nullglob
fail() { printf '%s\n' "$1" >&2; exit 1; }
keep() { cmp -s "$1" "$2" || cat "$2" > "$1" || fail "$1 cannot be written"; }
new=$(mktemp) || exit 1
trap 'rm -f -- "$new"' EXIT

# Where one address stands, another: as a whole, or with a path behind it.
sources() {
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources \
    /etc/yum.repos.d/*.repo /etc/zypp/repos.d/*.repo; do
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
  for file in /var/lib/apt/lists/"$from"_*; do
    mv -f -- "$file" "/var/lib/apt/lists/$to${file#/var/lib/apt/lists/"$from"}"
  done
}
index_name() { local name=${1#*://}; name=${name//_/%5f}; name=${name//\~/%7e}; printf %s "${name//\//_}"; }

trust() {
  if command -v update-ca-certificates >/dev/null; then
    update-ca-certificates "$@" >/dev/null || fail 'update-ca-certificates failed'
  elif command -v update-ca-trust >/dev/null; then update-ca-trust || fail 'update-ca-trust failed'; fi
}

take_out() {
  if [ -f /etc/environment ] && grep -qxF "$begin" /etc/environment; then
    BEGIN=$begin END=$end awk '$0 == ENVIRON["BEGIN"] { inside = 1 }
      !inside { print }
      $0 == ENVIRON["END"] { inside = 0 }' /etc/environment > "$new" || exit 1
    keep /etc/environment "$new"
    [ -s /etc/environment ] || [ ! -e "$state/made-environment" ] || rm -f /etc/environment
  fi
  rm -f /etc/apt/apt.conf.d/95ingot-network
  if [ -f "$state/settings" ]; then
    while IFS=' ' read -r kind of url; do [ "$kind" != mirror ] || sources "$url" "$of"; done < "$state/settings"
    if grep -qx authorities "$state/settings"; then
      rm -f /usr/local/share/ca-certificates/ingot-network-*.crt \
        /etc/pki/ca-trust/source/anchors/ingot-network-*.crt /etc/pki/trust/anchors/ingot-network-*.crt
      trust --fresh
    fi
  fi
}

take_out
if [ "$what" != put ]; then rm -rf -- "$state"; exit 0; fi
mkdir -p -m 0755 "$state" || exit 1
: > "$state/settings"
if [ "$variables" -gt 0 ]; then
  [ -e /etc/environment ] || : > "$state/made-environment"
  [ -z "$(tail -c 1 /etc/environment)" ] || echo >> /etc/environment
  { echo "$begin"; printf '%s\n' "${@:1:variables}"; echo "$end"; } >> /etc/environment || exit 1
  if [ -d /etc/apt/apt.conf.d ]; then
    { printf 'Acquire::%s::Proxy "%s";\n' http "$proxy" https "$proxy"
      for host in $direct; do
        case $host in
          *[!A-Za-z0-9.-]*) ;;
          *) printf 'Acquire::%s::Proxy::%s "DIRECT";\n' http "$host" https "$host" ;;
        esac
      done
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
if [ "${#authorities[@]}" -gt 0 ]; then
  echo authorities >> "$state/settings" || exit 1
  anchors=/usr/local/share/ca-certificates
  for folder in /etc/pki/ca-trust/source/anchors /etc/pki/trust/anchors; do [ ! -d "$folder" ] || anchors=$folder; done
  mkdir -p "$anchors" && cp -- "${authorities[@]}" "$anchors/" || exit 1
  trust
fi
exit 0
