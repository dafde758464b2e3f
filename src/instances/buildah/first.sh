# Process 1 of a container build: takes what its children leave, until it is killed. With arguments, process 1 of a
# launched container: it ends with its program. Arguments: program.sh, and what that takes.
# shellcheck shell=sh
mkdir -p /work/graph /work/tmp
ip link set lo up
if [ $# -gt 0 ]; then
  script=$1
  shift
  # As in other runtimes: a program without capabilities may listen on port 80.
  { echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start; } 2>/dev/null
  mkfifo -m 600 /run/start /run/end
  /bin/sh -c "$script" sh "$@" </dev/null &
  exec <&- cat /run/end
fi
exec <&- sleep infinity
