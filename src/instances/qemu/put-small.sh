# Writes stdin to a file. Arguments: path, mode, name of the unfinished file.
# shellcheck shell=sh
set -e
p=$1
mkdir -p -- "$(dirname -- "$p")"
umask 077
cat >"$3"
chmod -- "$2" "$3"
mv -fT -- "$3" "$p"
