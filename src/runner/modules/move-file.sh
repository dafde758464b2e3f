# MoveFile, for one item: see copying.sh, which calls these functions.
# shellcheck shell=bash disable=SC2034,SC2329
kind='file'
is_kind() { [ -f "$1" ]; }
one() { mv -f -- "$1" "$2" || exit 1; }
# @COPYING@
