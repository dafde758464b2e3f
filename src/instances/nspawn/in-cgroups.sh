# Runs a command in cgroups: joins them before it becomes it. Arguments: folders of cgroups, `--`, the command.
# shellcheck shell=sh
while [ "$1" != -- ]; do
  echo $$ >"$1/cgroup.procs" || exit 125
  shift
done
shift
exec "$@"
