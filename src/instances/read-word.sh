# Part of read-words.sh and read-lines.sh, which assign the word (SC2154): makes of it what it stands for.
# shellcheck shell=sh disable=SC2154
case $ingot_word in
  \\*) ingot_word=$(printf '%b.' "${ingot_word#?}"); ingot_word=${ingot_word%.};;
esac
