# Kills a command with all that it started. Argument: its id.
# shellcheck shell=sh
systemctl kill --signal=KILL "ingot-$1.service"
