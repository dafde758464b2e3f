# One visit of the container for a whole command: see `commands.ts`. tell.sh reads u (SC2034).
# shellcheck shell=sh disable=SC2034
f=$1/$2 u=$2 user=$3; shift 3
umask 077
prepare() {
  cat <&3 >"$f.words" && cat <&5 >"$f.sh" || return
  [ "$user" = root ] && return
  : >"$f.status" && chown -- "$user" "$f.words" "$f.sh" "$f.status"
}
prepare 2>&4 || { echo unprepared >&4; exit 1; }
"$@" 3<&- 4>&- 5<&-
c=$?
exec 3<&- 5<&- >&4
# @TELL@
exit $c
