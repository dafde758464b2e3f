# Writes one part of a file that Ingot keeps, which comes on stdin. Arguments: path, number of the part from 0, whether
# it is the last, SHA-256 of the whole, mode, whether it is a folder's archive (whose files go below the path), whether
# files that are there are replaced.
# shellcheck shell=bash
path=$1 part=$2 last=$3 sum=$4 mode=$5 archive=$6 overwrite=$7
if [ "$archive" = true ]; then folder=$path; else folder=${path%/*}; fi
partial="${folder%/}/.ingot-file-${sum:0:32}"
if [ "$part" = 0 ]; then rm -f -- "$partial"; (umask 077; set -C; : > "$partial") || exit 1; fi
cat >> "$partial" || { rm -f -- "$partial"; exit 1; }
[ "$last" = true ] || exit 0
trap 'rm -f -- "$partial"' EXIT
found=$(sha256sum < "$partial") || exit 1
[ "${found%% *}" = "$sum" ] || fail "$path: the file changed while it was copied: its SHA-256 is ${found%% *}, not $sum"
if [ "$archive" = true ]; then
  options=(-x --no-same-owner)
  [ "$overwrite" = true ] || options+=(--keep-old-files)
  (umask 022; tar "${options[@]}" -f "$partial" -C "$folder") || exit 1
else
  chmod "$mode" -- "$partial" && mv -f -- "$partial" "$path" || exit 1
fi
