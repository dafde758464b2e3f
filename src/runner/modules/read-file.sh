# ReadFile, for one item. Arguments: path.
# Prints each file behind a line with its size. A file that grows meanwhile is read as far as it was.
# shellcheck shell=bash
item() {
  path=$1
  if [ ! -f "$path" ]; then if [ -e "$path" ]; then fail "$path is not a file"; else fail "$path does not exist"; fi; fi
  size=$(wc -c < "$path") || exit 1
  size=${size//[!0-9]/}
  printf '%s\n' "$size"
  # What cannot be chained is not printed: two MiB are more than any output keeps.
  if [ "$size" -gt 2097152 ]; then size=2097152; fi
  [ "$size" = 0 ] || head -c "$size" -- "$path" || exit 1
}
