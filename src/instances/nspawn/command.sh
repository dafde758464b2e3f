# The command of a unit. Its argument is the file of its words: the working directory, the number of environment
# settings, these (NAME=VALUE: SC2163), then the command.
# shellcheck shell=sh disable=SC2163
# @READ_LINES@
cd -- "$1" || exit 126
ingot_left=$2
shift 2
while [ "$ingot_left" -gt 0 ]; do
  export "$1"
  shift
  ingot_left=$((ingot_left - 1))
done
unset ingot_file ingot_word ingot_left
exec "$@"
