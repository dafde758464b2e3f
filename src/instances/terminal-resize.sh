# Gives the terminal of `terminal-shell.sh` another size. Arguments: path without suffix, rows, columns.
# shellcheck shell=sh
stty -F "$(cat "$1.tty")" rows "$2" cols "$3"
