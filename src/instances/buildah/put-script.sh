# Writes a script for nobody else to read. Argument: its path.
# shellcheck shell=sh
umask 077
cat >"$1"
