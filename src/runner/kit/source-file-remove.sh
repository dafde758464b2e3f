# Removes what an interrupted copy left. Arguments: path, SHA-256 of the whole, whether it is a folder's archive.
# shellcheck shell=bash
path=$1 sum=$2 archive=$3
if [ "$archive" = true ]; then folder=$path; else folder=${path%/*}; fi
rm -f -- "${folder%/}/.ingot-file-${sum:0:32}"
