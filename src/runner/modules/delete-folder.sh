# DeleteFolder, for one item. Arguments: path, force.
# shellcheck shell=bash
item() {
  path=$1 force=$2
  if [ "$(readlink -f -- "$path")" = / ]; then fail "$path is the root folder"; fi
  if [ -L "$path" ]; then fail "$path is a symbolic link; DeleteFile deletes links"; fi
  [ -e "$path" ] || return 0
  if [ ! -d "$path" ]; then fail "$path is not a folder"; fi
  if [ "$force" = true ]; then rm -rf -- "$path" || exit 1; return; fi
  inside=("$path"/*)
  if [ ${#inside[@]} -gt 0 ]; then fail "$path is not empty, and force is false"; fi
  rmdir -- "$path" || exit 1
}
