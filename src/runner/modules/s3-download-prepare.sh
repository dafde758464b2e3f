# Part of S3Download: checks the destination of an object, and makes the folders above it where the step may.
# Arguments: path, overwrite, whether folders are made.
# shellcheck shell=bash
path=$1 overwrite=$2 make=$3
if [ -d "$path" ]; then fail "$path is a folder; the destination must include the name of the file"; fi
if [ "$overwrite" = false ] && [ -e "$path" ]; then fail "$path exists, and overwrite is false"; fi
above=${path%/*}
if [ "$make" = true ]; then mkdir -p -- "$above/" || exit 1
elif [ ! -d "$above/" ]; then fail "the folder $above does not exist; S3Download makes none"; fi
