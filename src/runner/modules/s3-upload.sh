# Part of S3Upload: prints size, path and name below the destination of each file, each with a NUL behind it; files
# of a folder only when it recurses. Arguments: path, its last part as a pattern when it is one, recurse.
# shellcheck shell=bash
source=$1 pattern=$2 recurse=$3
shopt -s nullglob dotglob; IFS=
one() { printf '%s\0%s\0%s\0' "$(stat -L -c %s -- "$1")" "$1" "$2"; }
folder() {
  while IFS= read -r -d '' each; do one "$each" "$2${each#"$1/"}"; done < <(find "$1" -type f -print0 | sort -z)
}
if [ -n "$pattern" ]; then
  some=false
  for each in "${source%/*}"/$pattern; do
    some=true
    if [ -d "$each" ]; then [ "$recurse" = false ] || folder "$each" "${each##*/}/"; else one "$each" "${each##*/}"; fi
  done
  [ "$some" = true ] || fail "nothing matches $source"
elif [ -d "$source" ]; then
  [ "$recurse" = true ] || fail "$source is a folder; recurse: true sends what is in it"
  folder "$source" ""
else
  [ -e "$source" ] || fail "$source does not exist"
  one "$source" ""
fi
