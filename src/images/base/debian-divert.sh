#!/bin/sh
# Run by mmdebstrap with the folder of the tree, when that has dpkg and not yet the packages of the programs.
set -eu
while read -r program; do
  chroot "$1" dpkg-divert --quiet --local --no-rename --divert "$program.deferred" --add "$program"
done <"${0%/*}/deferred"
