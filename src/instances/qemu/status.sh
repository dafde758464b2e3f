# Writes down how a unit ended: systemd gives it the variables (SC2154). Argument: path without suffix.
# shellcheck shell=sh
echo "$EXIT_CODE $EXIT_STATUS" >"$1.status"
