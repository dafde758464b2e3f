# CreateFile, for one item. Arguments: path, owner, group, mode, overwrite, number of bytes.
# Ownership goes before the mode, since chown clears setuid bits.
# shellcheck shell=bash
item() {
  path=$1 owner=$2 group=$3 permissions=$4 overwrite=$5 bytes=$6
  if [ -d "$path" ]; then fail "$path is a folder"; fi
  if [ "$overwrite" = false ] && { [ -e "$path" ] || [ -L "$path" ]; }; then
    fail "$path exists, and overwrite is false"
  fi
  parents "$path"
  if [ "$bytes" = 0 ]; then : > "$path" || exit 1; else head -c "$bytes" > "$path" || exit 1; fi
  if [ -n "$owner$group" ]; then chown -- "${owner:-root}:${group:-root}" "$path" || exit 1
  elif [ ! -O "$path" ] || [ ! -G "$path" ]; then chown -- root:root "$path" || exit 1; fi
  printf -v mode '%04o' $(( 8#$permissions & ~8#$(umask) ))
  chmod -- "$mode" "$path" || exit 1
}
