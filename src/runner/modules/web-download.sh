# Part of WebDownload: makes the folders above the destination; prints `there` when the file is there already with the
# checksum. Arguments: path, overwrite, algorithm, checksum.
# shellcheck shell=bash
path=$1 overwrite=$2 algorithm=$3 checksum=$4
if [ -d "$path" ]; then fail "$path is a folder; a destination that ends in / takes the file into it"; fi
if [ -e "$path" ]; then
  if [ "$overwrite" = false ]; then fail "$path exists, and overwrite is false"; fi
  if [ -n "$algorithm" ]; then
    sum=$("${algorithm}sum" < "$path") || exit 1
    [ "${sum%% *}" != "$checksum" ] || printf there
  fi
fi
mkdir -p -- "${path%/*}/" || exit 1
