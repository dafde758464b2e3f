# One visit of the container for a whole command: see `commands.ts`. tell.sh reads u (SC2034).
# Words of a script within (SC2016).
# shellcheck shell=sh disable=SC2034,SC2016
f=$1/$2 u=$2 user=$3; shift 3
umask 077
prepare() {
  cat <&3 >"$f.words" && cat <&5 >"$f.sh" || return
  [ "$user" = root ] && return
  : >"$f.status" && chown -- "$user" "$f.words" "$f.sh" "$f.status"
}
prepare 2>&4 || { echo unprepared >&4; exit 1; }
# systemd-run with --pipe and --wait asks the message bus, which a component may have stopped. Without the bus the
# command opens its streams by their names, and its end is what it has written down.
without_bus() {
  mkfifo -m 0600 "$f.in" && mkfifo -m 0622 "$f.out" "$f.err" && chown -- "$user" "$f.in" || return
  # What runs in the background has no stdin of its own.
  cat <&6 6<&- >"$f.in" & in=$!
  cat <"$f.out" & out=$!
  cat <"$f.err" >&2 & err=$!
  for word; do
    shift
    case $word in
      --pipe | --wait) ;;
      --) set -- "$@" -- /bin/sh -c 'exec <"$0.in" >"$0.out" 2>"$0.err" "$@"' "$f" ;;
      *) set -- "$@" "$word" ;;
    esac
  done
  "$@"
  c=$?
  while [ "$c" = 0 ] && ! [ -s "$f.status" ] && systemctl -q is-active "$u.service"; do sleep 0.05; done
  # What the command left running may hold its output.
  left=10
  while { kill -0 $out || kill -0 $err; } 2>/dev/null && [ $left -gt 0 ]; do left=$((left - 1)); sleep 0.05; done
  kill $in $out $err 2>/dev/null
  rm -f "$f.in" "$f.out" "$f.err"
  return $c
}
if grep -q ' 00010000 .* /run/dbus/system_bus_socket$' /proc/net/unix; then
  "$@" 3<&- 4>&- 5<&-
else without_bus "$@" 3<&- 4>&- 5<&- 6<&0; fi
c=$?
exec 3<&- 5<&- >&4
# @TELL@
exit $c
