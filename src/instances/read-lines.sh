# Part of scripts: makes the words of the file that is its only argument its arguments. See `unit-words.ts`.
# shellcheck shell=sh
ingot_file=$1
shift
while IFS= read -r ingot_word; do
# @READ_WORD@
  set -- "$@" "$ingot_word"
done <"$ingot_file"
