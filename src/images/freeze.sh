# Freezes a file system until its stdin says otherwise, or 30 s have passed. Argument: where it is mounted.
# Deaf to SIGPIPE: with nobody left to tell, it has to thaw all the same.
# shellcheck shell=bash
trap "" PIPE
trap 'fsfreeze --unfreeze "$1"; exit' TERM
fsfreeze --freeze "$1" || exit 1
echo frozen
read -r -t 30 _
fsfreeze --unfreeze "$1"
