# Removes the ssh host keys that this machine made when it first booted, and prints their paths.
# Argument: when its disk was made, in seconds since 1970.
# shellcheck shell=bash
shopt -s nullglob
for key in /etc/ssh/ssh_host_*_key; do
  [ "$(stat -c %Y "$key")" -ge "$1" ] || continue
  rm -f -- "$key" "$key.pub" && echo "$key"
done
