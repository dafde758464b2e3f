# Writes stdin to a file, whole or not at all. Arguments: path, mode.
# shellcheck shell=sh disable=SC2015
umask 077
dir=$(dirname -- "$1")
(umask 022; mkdir -p -- "$dir") && new=$(mktemp -- "$dir/.put.XXXXXX") &&
  cat >"$new" && chmod -- "$2" "$new" || exit 1
if [ -d "$1" ]; then
  echo "$1 is a folder" >&2
  rm -f -- "$new"
  exit 1
fi
# A link stays: what it leads to is written.
if [ -L "$1" ]; then cat <"$new" >"$1" && rm -f -- "$new"
else mv -f -- "$new" "$1" || { rm -f -- "$new"; exit 1; }; fi
