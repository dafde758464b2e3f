# Part of CopyFile, MoveFile, CopyFolder and MoveFolder. They set `kind` (file or folder), and define `is_kind PATH` and
# `one SOURCE DESTINATION`, which copies or moves one of them. `matches` sets `found`.
# Arguments: source, destination, whether that is a folder to put things in, the source's last part as a pattern when
# it is one, overwrite.
# shellcheck shell=bash disable=SC2154
checked() {
  if [ "$overwrite" = false ] && { [ -e "$2" ] || [ -L "$2" ]; }; then fail "$2 exists, and overwrite is false"; fi
  if [ "$kind" = file ]; then
    if [ -d "$2" ]; then fail "$2 is a folder; a destination that ends in / takes files into it"; fi
  elif [ -e "$2" ] && [ ! -d "$2" ]; then fail "$2 is not a folder"; fi
  if [ "$1" -ef "$2" ]; then fail "$1 and $2 are the same $kind"; fi
  if [ "$kind" = folder ]; then
    case "$(readlink -m -- "$2")/" in "$(readlink -f -- "$1")"/*) fail "$2 lies in $1" ;; esac
  fi
  parents "$2"
  one "$1" "$2"
}
item() {
  source=$1 destination=$2 into=$3 pattern=$4 overwrite=$5
  if [ -n "$pattern" ]; then
    if [ "$into" = false ] && [ ! -d "$destination" ]; then
      fail "$destination is not a folder: with a * in the source the destination is one, and ends in /"
    fi
    matches "$source" "$pattern"
    some=false
    for each in "${found[@]}"; do
      is_kind "$each" || continue
      some=true
      checked "$each" "${destination%/}/${each##*/}"
    done
    [ "$some" = true ] || fail "no $kind matches $source"
    return
  fi
  if ! is_kind "$source"; then
    if [ -e "$source" ]; then fail "$source is not a $kind"; else fail "$source does not exist"; fi
  fi
  if [ "$into" = true ]; then
    checked "$source" "${destination%/}/${source##*/}"
  else
    checked "$source" "$destination"
  fi
}
