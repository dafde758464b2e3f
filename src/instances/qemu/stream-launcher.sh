# shellcheck shell=sh
# Starts a command whose streams are ports. Its arguments are described in `guest-scripts.ts`.
set -e
r=@GUEST_DIRECTORY@; id=$1; count=$2; shift 2
# @PUT_COMMAND@
port() {
  tries=0
  while [ $tries -lt 200 ]; do
    for each in /sys/class/virtio-ports/*; do
      if [ -r "$each/name" ] && read -r name <"$each/name" && [ "$name" = "ingot.$id.$1" ]; then
        echo "/dev/${each##*/}"
        return
      fi
    done
    tries=$((tries + 1))
    sleep 0.05
  done
  echo 'its kernel shows no new virtio port (is the module virtio_console there?)' >&2
  return 1
}
in=$(port in); out=$(port out); err=$(port err)
n=$#
set -- "$@" "--setenv=INGOT_IN=$in" "--setenv=INGOT_OUT=$out" "--setenv=INGOT_ERR=$err"
while [ "$count" -gt 0 ]; do set -- "$@" "--setenv=$1"; shift; count=$((count - 1)); n=$((n - 1)); done
set -- "$@" -- /bin/sh "$r/command.sh" - /
while [ "$n" -gt 0 ]; do set -- "$@" "$1"; shift; n=$((n - 1)); done
exec systemd-run --quiet --collect --unit="ingot-$id" --description='Ingot: a command' --service-type=exec \
  -p User=root -p KillMode=process -p IgnoreSIGPIPE=no -p IgnoreOnIsolate=yes -p TasksMax=infinity \
  -p OOMPolicy=continue -p TimeoutStopSec=10 "$@" </dev/null
