# shellcheck shell=sh
# The unit of a command whose streams are ports. Its arguments are described in `guest-scripts.ts`.
files=$1; input=$2; shift 2
exec 3<"$INGOT_IN" >"$INGOT_OUT" 2>"$INGOT_ERR"
unset INGOT_IN INGOT_OUT INGOT_ERR
if [ "$input" = raw ]; then exec "$@" <&3 3<&-; fi
mkfifo -m 0600 "$files.in"
{ while read -r size && [ "$size" -gt 0 ]; do head -c "$size" || break; done; } <&3 >"$files.in" 2>/dev/null &
exec 3<&-
"$@" <"$files.in"
kill $! 2>/dev/null
rm -f "$files.in"
