# Keeps a secret in memory, beside the containers of a build. Arguments: folder, name. stdin: the secret.
# shellcheck shell=sh
set -e
umask 077
mkdir -p "$1"
cat >"$1/$2"
