# What the bash program of each file module begins with: what its function `item` finds. `matches` sets `found`.
# shellcheck shell=bash disable=SC2034
LC_ALL=C.UTF-8 IFS=
shopt -s nullglob dotglob
fail() { printf '%s\n' "$1" >&2; exit 1; }
parents() { local above=${1%/*}; [ -z "$above" ] || [ -d "$above" ] || mkdir -p -- "$above" || exit 1; }
# shellcheck disable=SC2206 # a pattern
matches() { found=("${1%/*}"/$2); }
