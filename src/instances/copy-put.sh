# Unpacks an archive in its place. Arguments: path, name of the file when the path is a folder.
# shellcheck shell=sh
fail() { echo "$1" >&2; exit 4; }
target=$1 name=$2
if [ -d "$target" ]; then
  [ -n "$name" ] || fail "$target is a folder: name the file in it"
  target=${target%/}/$name
else
  case $target in */) fail "folder $target does not exist" ;; esac
fi
if [ -L "$target" ]; then target=$(readlink -m -- "$target"); fi
parent=$(dirname -- "$target")
[ -d "$parent" ] || fail "folder $parent does not exist"
stage='' unpacking=''
trap 'rm -rf -- "$stage"' EXIT
trap '[ -z "$unpacking" ] || kill "$unpacking"; exit 4' HUP INT TERM
stage=$(mktemp -d -- "$parent/.ingot-cp.XXXXXX") || fail "nothing can be written to $parent"
exec 3<&0
tar -xpf - --numeric-owner -C "$stage" <&3 &
unpacking=$!
wait "$unpacking" || fail "it could not be unpacked in $parent; nothing was changed"
unpacking=''
[ -e "$stage/@ARCHIVE_END@" ] || fail 'the copy was cut off; nothing was changed'
from=$stage/@ARCHIVE_ROOT@
if [ -d "$from" ]; then
  if [ -d "$target" ]; then
    cp -a -- "$from/." "$target/" || fail "not all of it could be written to $target"
    exit 0
  fi
  [ ! -e "$target" ] || fail "$target is there and is no folder"
elif [ -d "$target" ]; then fail "$target is a folder"
fi
mv -fT -- "$from" "$target" || fail "$target could not be written"
