# CreateFolder, for one item. Arguments: path, owner, group, mode, overwrite.
# shellcheck shell=bash
item() {
  path=$1 owner=$2 group=$3 permissions=$4 overwrite=$5
  if [ -d "$path" ]; then
    if [ "$overwrite" = false ]; then fail "$path exists, and overwrite is false"; fi
  elif [ -e "$path" ] || [ -L "$path" ]; then fail "$path exists and is not a folder"
  else parents "$path"; mkdir -- "$path" || exit 1; fi
  if [ -n "$owner$group" ]; then chown -- "${owner:-root}:${group:-root}" "$path/" || exit 1; fi
  if [ -n "$permissions" ]; then
    printf -v mode '%04o' $(( 8#$permissions & ~8#$(umask) ))
    chmod -- "$mode" "$path/" || exit 1
  fi
}
