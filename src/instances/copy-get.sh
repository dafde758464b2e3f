# Prints an archive of a file or a folder. Argument: its path.
# C of A && B || C ends the script (SC2015).
# shellcheck shell=sh disable=SC2015
path=$(readlink -f -- "$1") && [ -e "$path" ] || { echo "there is no $1" >&2; exit 4; }
if [ -d "$path" ]; then cd -- "$path" || exit 4; set -- .
elif [ -f "$path" ]; then cd -- "$(dirname -- "$path")" || exit 4; set -- "./$(basename -- "$path")"
else echo "$1 is neither a file nor a folder" >&2; exit 4
fi
tar -cf - -- "$1"
code=$?
if [ $code -eq 1 ] && tar --version 2>/dev/null | grep -q GNU; then exit 0; fi
exit $code
