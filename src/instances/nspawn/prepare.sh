# Puts into a container what its commands need; its network's file comes on stdin. Arguments: the folder inside, then
# the paths and texts of the script that writes down ends and of the one that is a unit's command.
# shellcheck shell=sh
mkdir -p /run/systemd/network "$1" && chmod 0711 "$1" && printf %s "$3" >"$2" && printf %s "$5" >"$4" &&
  cat >/run/systemd/network/00-ingot.network
