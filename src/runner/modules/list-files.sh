# ListFiles, for one item. Arguments: path, pattern of names, recursive.
# The names of an item end with an empty one.
# shellcheck shell=bash
item() {
  path=$1 pattern=$2 recursive=$3
  if [ ! -d "$path" ]; then
    if [ -e "$path" ]; then fail "$path is not a folder"; else fail "$path does not exist"; fi
  fi
  depth=(-maxdepth 1); [ "$recursive" = false ] || depth=()
  find "${path%/}/" "${depth[@]}" \( -type f -o -type l ! -xtype d \) -name "$pattern" -print0 || exit 1
  printf '\0'
}
