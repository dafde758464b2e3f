# CopyFile, for one item: see copying.sh, which calls these functions.
# The old file goes first: what else has it open, or a program that runs from it, keeps it.
# shellcheck shell=bash disable=SC2034,SC2329
kind='file'
is_kind() { [ -f "$1" ]; }
one() {
  rm -f -- "$2" || exit 1
  (umask 0; exec cp -- "$1" "$2") || exit 1
}
# @COPYING@
