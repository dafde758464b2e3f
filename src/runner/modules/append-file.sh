# AppendFile, for one item. Arguments: path, number of bytes.
# shellcheck shell=bash
item() {
  path=$1 bytes=$2
  if [ -d "$path" ]; then fail "$path is a folder"; fi
  if [ ! -e "$path" ]; then fail "$path does not exist; CreateFile makes files"; fi
  if [ "$bytes" != 0 ]; then head -c "$bytes" >> "$path" || exit 1; fi
}
