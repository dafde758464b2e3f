# MoveFolder, for one item: see copying.sh, which calls these functions.
# shellcheck shell=bash disable=SC2015,SC2034,SC2329
kind=folder
is_kind() { [ -d "$1" ]; }
one() {
  if [ -d "$2" ]; then cp -RPp -- "$1/." "$2/" && rm -rf -- "$1" || exit 1; else mv -- "$1" "$2" || exit 1; fi
}
# @COPYING@
