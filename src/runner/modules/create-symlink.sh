# CreateSymlink, for one item. Arguments: path, target, force.
# shellcheck shell=bash
item() {
  path=$1 target=$2 force=$3
  case "$target" in /*) leads=$target ;; *) leads=${path%/*}/$target ;; esac
  if [ ! -e "$leads" ]; then fail "the target $target does not exist"; fi
  if [ -L "$path" ]; then
    if [ "$force" = false ]; then fail "$path is a symbolic link already, and force is false"; fi
  elif [ -e "$path" ]; then fail "$path exists and is not a symbolic link"; fi
  parents "$path"
  ln -sfn -- "$target" "$path" || exit 1
}
