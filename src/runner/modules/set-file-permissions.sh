# SetFilePermissions, for one item. Arguments: path, mode.
# shellcheck shell=bash
item() {
  path=$1 permissions=$2
  if [ -d "$path" ]; then fail "$path is a folder; SetFolderPermissions is for folders"; fi
  if [ ! -e "$path" ]; then fail "$path does not exist"; fi
  chmod -- "$permissions" "$path" || exit 1
}
