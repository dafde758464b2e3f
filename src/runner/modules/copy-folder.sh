# CopyFolder, for one item: see copying.sh, which calls these functions.
# shellcheck shell=bash disable=SC2034,SC2329
kind=folder
is_kind() { [ -d "$1" ]; }
one() {
  mkdir -p -- "$2" || exit 1
  (umask 0; exec cp -RP -- "$1/." "$2/") || exit 1
}
# @COPYING@
