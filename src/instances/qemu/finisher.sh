# shellcheck shell=sh
# Ends streams that a command never opened, and removes its files. Argument: its id.
d=@GUEST_DIRECTORY@/$1
for s in out err; do if [ -p "$d.$s" ]; then : <>"$d.$s"; fi; done
rm -f "$d".*
