# Puts the words of a command (from descriptor 3) into its first argument, and becomes the command that the others are.
# shellcheck shell=sh
umask 077
cat <&3 >"$1" && exec 3<&- && shift && exec "$@"
