# A login shell, on a terminal when there are rows. Arguments: rows (0 for no terminal), columns.
# Without the home folder the shell begins where it is (SC2164); `script` gets a text to run (SC2016).
# shellcheck shell=sh disable=SC2164,SC2016
INGOT_ROWS=$1 INGOT_COLUMNS=$2 HOME=${HOME:-/root}; export INGOT_ROWS INGOT_COLUMNS HOME
cd -- "$HOME" 2>/dev/null
shell=/bin/sh
if [ -x /bin/bash ]; then shell=/bin/bash; fi
if [ "$INGOT_ROWS" != 0 ] && command -v script >/dev/null && command -v stty >/dev/null; then
  printf t
  INGOT_SHELL=$shell SHELL=/bin/sh; export INGOT_SHELL SHELL
  exec script -qefc '
    tty >"$INGOT_FILES.tty"
    stty sane rows "$INGOT_ROWS" cols "$INGOT_COLUMNS"
    SHELL=$INGOT_SHELL
    unset INGOT_FILES INGOT_ROWS INGOT_COLUMNS INGOT_SHELL
    exec "$SHELL" -l' /dev/null
fi
printf -- -
SHELL=$shell; export SHELL
unset INGOT_FILES INGOT_ROWS INGOT_COLUMNS
exec "$shell" -l
