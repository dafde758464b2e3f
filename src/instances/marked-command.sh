# Runs a command on the streams it is given, and says on both outputs that it has ended, and how: see `streams.ts`.
# Arguments: id, path without suffix for files, working directory, the command.
# shellcheck shell=sh disable=SC2016
id=$1; files=$2; cwd=$3; shift 3
INGOT_FILES=$files; export INGOT_FILES
/bin/sh -c 'echo $$ >"$1.pid"; cd -- "$2" || exit 126; shift 2; exec "$@"' sh "$files" "$cwd" "$@"
code=$?
rm -f "$files.pid" "$files.tty"
printf '\000ingot-end-%s:%03d' "$id" "$code" 2>/dev/null >&2
printf '\000ingot-end-%s:%03d' "$id" "$code"
