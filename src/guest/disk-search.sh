# Looks for what must not be in an image: `disk-search.ts`. Arguments: the seconds since which files are new; then, each
# list behind its length: names of files, folders searched wholly, folders passed over, patterns not read, hints; then
# names, file patterns and expressions of the register. Prints `INDEX LINE PATH` and a NUL for each hit, never what it
# found. `lists` sets its lists by name (SC2034, SC2154).
# shellcheck shell=bash disable=SC2034,SC2154
export LC_ALL=C
since=$1; shift
lists() { local -n into=$1; into=("${@:3:$2}"); }
count=$1; shift; lists names "$count" "$@"; shift "$count"
count=$1; shift; lists wholly "$count" "$@"; shift "$count"
count=$1; shift; lists passed "$count" "$@"; shift "$count"
count=$1; shift; lists without "$count" "$@"; shift "$count"
count=$1; shift; lists hints "$count" "$@"; shift "$count"
for program in find grep xargs md5sum; do
  command -v "$program" >/dev/null || { echo "the program $program is missing in this system" >&2; exit 3; }
done

named=(); for name in "${names[@]}"; do named+=(-o -name "$name"); done
inside=(); for folder in "${wholly[@]}"; do inside+=(-o -path "$folder/*"); done
over=(-false); for folder in "${passed[@]}"; do over+=(-o -path "$folder"); done
outside=(); for pattern in "${without[@]}"; do outside+=(! -path "$pattern"); done
words=(); for hint in "${hints[@]}"; do words+=(-e "$hint"); done

# One walk gives both: files by their names, and those whose lines are looked at.
work=$(mktemp -d -p /run ingot-search.XXXXXX) || exit 3
trap 'rm -rf -- "$work"' EXIT
find / -xdev -type d \( "${over[@]}" \) -prune -o -type f -size +0 \( \
  \( -false "${named[@]}" \) -fprint0 "$work/named" , \
  -size -@LARGEST_KIB@k \( -newerct "@$since" "${inside[@]}" \) "${outside[@]}" -fprint0 "$work/candidates" \
\) 2>/dev/null
xargs -0 -r grep -IlFZs "${words[@]}" -- <"$work/candidates" >"$work/hinted"

# A file of a package, as that has it, is public.
packaged() {
  local sum rest=${1#/}
  if [ -d /var/lib/dpkg/info ]; then
    sum=$(md5sum <"$1") || return 1; sum=${sum%% *}
    grep -qsxF -e "$sum  $rest" -e "$sum  ${rest#usr/}" /var/lib/dpkg/info/*.md5sums && return 0
    grep -qsF -e " $1 $sum" /var/lib/dpkg/status && return 0
  fi
  if command -v rpm >/dev/null && rpm -qf -- "$1" >/dev/null 2>&1; then
    rpm -Vf -- "$1" 2>/dev/null | grep -qF -e " $1" || return 0
  fi
  return 1
}
hit() { packaged "$3" || printf '%s %s %s\0' "$1" "$2" "$3"; }

index=0
while [ $# -gt 0 ]; do
  patterns=$1 line=$2 keep=$3 hint=$4; shift 4
  list=named
  if [ -z "$patterns" ]; then
    # Most rows find nothing, and each program costs an emulated machine some 20 ms.
    [ -s "$work/hinted" ] || { index=$((index + 1)); continue; }
    list=of-row
    xargs -0 -r grep -IlFZs -e "$hint" -- <"$work/hinted" >"$work/$list"
  fi
  while IFS= read -r -d '' path; do
    if [ -n "$patterns" ]; then case "|$patterns|" in *"|${path##*/}|"*) ;; *) continue ;; esac; fi
    if [ -z "$line" ]; then hit $index 0 "$path"; continue; fi
    # What documentation shows is no token.
    if [ "$keep" = key ]; then
      number=$(grep -nIEs -m 1 -e "$line" -- "$path")
    else
      number=$(grep -nIEs -e "$line" -- "$path" | grep -vE 'EXAMPLE|XXXX' | head -n 1)
    fi
    number=${number%%:*}
    [ -n "$number" ] || continue
    if [ "$keep" = key ]; then
      # A line behind a header, unless all of the key is in one.
      grep -IEs -A 2 -e "$line" -- "$path" |
        grep -qE -e '-----.*[A-Za-z0-9+/=]{24}' -e '^[[:space:]"]*[A-Za-z0-9+/=]{24,}' -e '^[A-Za-z-]+: ' || continue
    fi
    hit $index "$number" "$path"
  done <"$work/$list"
  index=$((index + 1))
done
