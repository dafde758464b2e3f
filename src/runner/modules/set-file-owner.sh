# SetFileOwner, for one item. Arguments: path, owner, group.
# shellcheck shell=bash
item() {
  path=$1 owner=$2 group=$3
  if [ -d "$path" ]; then fail "$path is a folder; SetFolderOwner is for folders"; fi
  if [ ! -e "$path" ]; then fail "$path does not exist"; fi
  chown -- "$owner:$group" "$path" || exit 1
}
