# shellcheck shell=sh
# Who still has the pipes of a command open. Argument: the command's id.
d=@GUEST_DIRECTORY@/$1
find /proc/[0-9]*/fd -lname "$d.out" -printf 'out %h\n' -o -lname "$d.err" -printf 'err %h\n' 2>/dev/null |
while read -r stream fds; do
  case $(cat "$fds/../cgroup" 2>/dev/null) in *ingot-relay*) who=relay;; *) who=other;; esac
  echo "$stream $who $(cat "$fds/../wchan" 2>/dev/null)"
done
