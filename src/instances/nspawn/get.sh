# Prints a file. Arguments: path, most bytes.
# shellcheck shell=sh
if [ ! -f "$1" ]; then
  if [ -e "$1" ]; then echo "not a file" >&2; else echo "no such file" >&2; fi
  exit 1
fi
head -c "$2" -- "$1"
