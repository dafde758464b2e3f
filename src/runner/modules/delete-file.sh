# DeleteFile, for one item. Arguments: path, and its last part as a pattern when it is one.
# shellcheck shell=bash
item() {
  path=$1 pattern=$2
  if [ -n "$pattern" ]; then matches "$path" "$pattern"; else found=("$path"); fi
  for each in "${found[@]}"; do
    if [ -d "$each" ] && [ ! -L "$each" ]; then
      [ -z "$pattern" ] || continue
      fail "$each is a folder; DeleteFolder deletes folders"
    fi
    rm -f -- "$each" || exit 1
  done
}
