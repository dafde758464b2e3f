# Part of scripts: makes of its arguments the words that they stand for. Its variables are named so that no script has
# the same. See `unit-words.ts`.
# shellcheck shell=sh
ingot_left=$#
while [ "$ingot_left" -gt 0 ]; do
  ingot_word=$1
# @READ_WORD@
  set -- "$@" "$ingot_word"
  shift
  ingot_left=$((ingot_left - 1))
done
