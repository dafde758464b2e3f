# Transfers a file by curl; its configuration comes on stdin. Arguments: what (get, put, ask), path, whether
# certificate errors are ignored, algorithm and checksum, the name in messages, whether redirects are followed, tries,
# KiB left free.
# The proxy of the system is that of its commands: shells and services take it from /etc/environment.
# shellcheck shell=bash
what=$1 path=$2 insecure=$3 algorithm=$4 checksum=$5 shown=$6 follow=$7 tries=$8 spare=$9
fail() { printf '%s\n' "$1" >&2; exit 1; }
command -v curl >/dev/null ||
  fail "the program curl is missing in this system, and file transfers need it: install it in an earlier step"
if [ -r /etc/environment ]; then
  while IFS='=' read -r name value; do
    case "$name" in http_proxy|https_proxy|no_proxy|all_proxy|HTTPS_PROXY|NO_PROXY|ALL_PROXY)
      value=${value%\"}; value=${value#\"}; [ -n "${!name}" ] || export "$name=$value" ;;
    esac
  done < /etc/environment
fi
config=$(cat)
options=(
  -q -sS -g --config - --connect-timeout 30 --speed-limit 1 --speed-time 120
  --proto '=http,https' --write-out '%{http_code}'
)
[ "$insecure" = true ] && options+=(--insecure)
limit=1048576
if [ "$what" = put ]; then
  options+=(--upload-file "$path"); answer=$(mktemp) || exit 1
else
  [ -z "$path" ] && answer=$(mktemp) || answer=$(mktemp -- "${path%/*}/.ingot-download.XXXXXX") || exit 1
  [ "$follow" = true ] && options+=(--location --max-redirs 10 --proto-redir '=http,https')
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
  said=$(
    (ulimit -f $(( limit / 1024 + 1 )) 2>/dev/null
      exec curl "${options[@]}" --output "$answer" 2> "$errors") <<< "$config"
  )
  ended=$? status=${said: -3}
  if [ "$ended" = 0 ] && [ "$status" = 200 ]; then break; fi
  why=$(cat "$errors")
  case "$ended" in
    0) why="the server answered $status: $(head -c 400 -- "$answer" | tr '\n\r\0' '   ')" ;;
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
      sum=$("${algorithm}sum" < "$answer") || exit 1
      [ "${sum%% *}" = "$checksum" ] ||
        fail "$shown has another checksum than the one that is expected: ${sum%% *} by $algorithm"
    fi
    chmod 0644 -- "$answer" && mv -f -- "$answer" "$path" || exit 1 ;;
esac
