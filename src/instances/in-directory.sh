# Runs a command with the umask of a system. Arguments: its working directory, the command.
# It becomes the command, so that a missing program is 127 as in a shell.
# shellcheck shell=sh
umask 022
cd -- "$1" || exit 126
shift
exec "$@"
