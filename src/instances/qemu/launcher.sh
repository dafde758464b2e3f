# The folder above is there (SC2174); $unbuffered is several words (SC2086).
# shellcheck shell=sh disable=SC2174,SC2086
# Starts a command. Its arguments are described in `guest-scripts.ts`.
set -e
r=@GUEST_DIRECTORY@; id=$1; d=$r/$1; stdin=$2; user=$3; cwd=$4; count=$5; shift 5
[ "$user" = root ] || id -u -- "$user" >/dev/null
# @PUT_COMMAND@
if ! [ -p "$r/control" ]; then
  umask 022
  mkdir -p -m 0711 "$r"
  if mkdir "$r/setup" 2>/dev/null; then
cat >"$r/relay.sh" <<'RELAY'
# @RELAY@
RELAY
cat >"$r/status.sh" <<'STATUS'
# @STATUS@
STATUS
    # The agent is started by its device, and no target has it: `systemctl isolate` would end it.
    agent=qemu-guest-agent.service
    if [ "$(systemctl show -p LoadState -p IgnoreOnIsolate --value "$agent" | tr '\n' ' ')" = 'loaded no ' ]; then
      mkdir -p "/run/systemd/system/$agent.d"
      printf '[Unit]\nIgnoreOnIsolate=yes\n' >"/run/systemd/system/$agent.d/ingot.conf"
      systemctl daemon-reload
    fi
    mkfifo -m 0600 "$r/control"
    # By itself head keeps back what is less than a block. What stdbuf says to it is inherited, so that it is said once
    # and not for each.
    unbuffered=; if command -v stdbuf >/dev/null; then unbuffered='/usr/bin/env stdbuf -o0'; fi
    systemd-run --quiet --collect --unit=ingot-relay --description='Ingot: output of commands' --service-type=exec \
      -p UMask=0077 -p IgnoreOnIsolate=yes -- $unbuffered /bin/sh "$r/relay.sh" "$r/control" </dev/null
  else
    while ! [ -p "$r/control" ]; do sleep 0.05; done
  fi
fi
umask 077
mkfifo -m 0622 "$d.out" "$d.err"
# What Ingot reads is there from the first, so that it opens it once: the agent notes each opening in the journal.
: >"$d.out.0"; : >"$d.err.0"; : >"$d.status"
[ "$user" = root ] || chown -- "$user" "$d.status"
echo "$d.out
$d.err" >"$r/control"
input=null
case $stdin in
  none) ;;
  script) cat >"$d.script"; [ "$user" = root ] || chown -- "$user" "$d.script";;
  input) cat >"$d.input"; input=file:$d.input;;
  file) input=file:$d.input;;
esac
exec </dev/null
n=$#
while [ "$count" -gt 0 ]; do set -- "$@" "--setenv=$1"; shift; count=$((count - 1)); n=$((n - 1)); done
set -- "$@" -- /bin/sh "$r/command.sh" "$d" "$cwd"
while [ "$n" -gt 0 ]; do set -- "$@" "$1"; shift; n=$((n - 1)); done
exec systemd-run --quiet --collect --unit="ingot-$id" --description='Ingot: a command' --service-type=exec \
  -p User="$user" -p StandardInput="$input" -p ExecStopPost="/bin/sh $r/status.sh $d" \
  -p KillMode=process -p IgnoreSIGPIPE=no -p IgnoreOnIsolate=yes -p TasksMax=infinity -p OOMPolicy=continue \
  -p TimeoutStopSec=10 "$@"
