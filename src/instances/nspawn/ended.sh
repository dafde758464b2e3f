# Writes down how a unit ended: systemd gives it the variables (SC2154). Argument: the file.
# shellcheck shell=sh
echo "$SERVICE_RESULT $EXIT_CODE $EXIT_STATUS" >"$1"
