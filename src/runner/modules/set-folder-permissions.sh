# SetFolderPermissions, for one item. Arguments: path, mode, recursive.
# shellcheck shell=bash
item() {
  path=$1 permissions=$2 recursive=$3
  if [ ! -d "$path" ]; then
    if [ -e "$path" ]; then fail "$path is not a folder"; else fail "$path does not exist"; fi
  fi
  if [ "$recursive" = true ]; then
    chmod -R -- "$permissions" "${path%/}/" || exit 1
  else
    chmod -- "$permissions" "$path" || exit 1
  fi
}
