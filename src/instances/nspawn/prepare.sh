# Puts into a container what its commands need; its network's file comes on stdin. Arguments: the folder inside, the
# paths and texts of the script that writes down ends and of the one that is a unit's command, what /proc/meminfo is to
# say, and a program of sed that makes /proc/cpuinfo the container's. The folder of message queues belongs to nobody
# inside, so that `chmod a+t` on all that everybody may write to fails at it; queues need none.
# shellcheck shell=sh
if mountpoint -q /dev/mqueue; then umount /dev/mqueue; fi
mkdir -p /run/systemd/network "$1" && chmod 0711 "$1" && printf %s "$3" >"$2" && printf %s "$5" >"$4" || exit
if [ -n "$6" ] && ! mountpoint -q /proc/meminfo; then
  printf %s "$6" >"$1/meminfo" && mount --bind "$1/meminfo" /proc/meminfo
fi
if [ -n "$7" ] && ! mountpoint -q /proc/cpuinfo; then
  sed -n "$7" /proc/cpuinfo >"$1/cpuinfo" && mount --bind "$1/cpuinfo" /proc/cpuinfo
fi
cat >/run/systemd/network/00-ingot.network
