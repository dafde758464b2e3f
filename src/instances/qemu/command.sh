# shellcheck shell=sh
# The command of a unit: its streams if they are pipes (the path without suffix, else `-`), its working directory, the
# command. See `unit-words.ts`.
# @READ_WORDS@
[ "$1" = - ] || exec >"$1.out" 2>"$1.err"
cd -- "$2" || exit 126
shift 2
exec "$@"
