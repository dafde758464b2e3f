# Prints the state of a command's unit. Argument: its id.
# shellcheck shell=sh
systemctl show --property=ActiveState --value "ingot-$1.service"
