# Answers a condition by its exit code: 1 for no. Arguments: what is asked (binary, file, folder, hash), a name or a
# path, the algorithm of a hash.
# shellcheck shell=bash
case $1 in
  binary) type -- "$2" >/dev/null 2>&1 ;;
  file) [ -f "$2" ] ;;
  folder) [ -d "$2" ] ;;
  # By stdin, so that no name of a file is taken for an option or escaped in the answer.
  hash) "${3}sum" < "$2" ;;
esac
