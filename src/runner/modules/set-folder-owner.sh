# SetFolderOwner, for one item. Arguments: path, owner, group, recursive.
# Links in the folder change themselves, not what they lead to elsewhere.
# shellcheck shell=bash
item() {
  path=$1 owner=$2 group=$3 recursive=$4
  if [ ! -d "$path" ]; then
    if [ -e "$path" ]; then fail "$path is not a folder"; else fail "$path does not exist"; fi
  fi
  if [ "$recursive" = true ]; then
    chown -h -R -- "$owner:$group" "${path%/}/" || exit 1
  else
    chown -- "$owner:$group" "$path" || exit 1
  fi
}
