# Part of UpdateOS: prints the first package manager that is there.
# shellcheck shell=bash
for name in apt-get dnf yum zypper apk pacman; do
  command -v "$name" >/dev/null && { echo "$name"; exit; }
done
