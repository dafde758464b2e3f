# What is done on a disk before it becomes a layer: `before-layer.ts`. Arguments: `machine` in a virtual machine, and
# the lowest id that a container does not have.
# shellcheck shell=sh
kind=$1 lowest=$2
# Packages that apt downloaded and installed, by the names that it gives the files: a later clean-up would leave them in
# this layer. What is downloaded only is for a later component.
if command -v dpkg-query >/dev/null 2>&1; then
  for file in /var/cache/apt/archives/*.deb; do
    [ -f "$file" ] || break
    # shellcheck disable=SC2016
    dpkg-query -W -f '${db:Status-Status} ${Package}_${Version}_${Architecture}.deb\n' |
      sed -n 's/:/%3a/g; s/^installed //p' |
      while IFS= read -r name; do
        if [ -f "/var/cache/apt/archives/$name" ]; then rm -f -- "/var/cache/apt/archives/$name"; fi
      done
    break
  done
fi
for file in /etc/passwd /etc/group /etc/subuid /etc/subgid; do
  if [ ! -f "$file" ] || [ ! -r "$file" ]; then continue; fi
  printf '\n\t%s\n' "$file"
  head -c 4194304 -- "$file"
done
[ "$kind" = machine ] || exit 0
# Only a machine can give a file such an owner.
printf '\n\towners\n'
find / -xdev \( -uid "+$((lowest - 1))" -o -gid "+$((lowest - 1))" \) -printf '%U:%G\n' -quit 2>/dev/null
# What was deleted leaves the layer. In a container the host does it.
command -v fstrim >/dev/null 2>&1 && fstrim / 2>/dev/null
exit 0
