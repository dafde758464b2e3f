# $1 is NAME=VALUE (SC2163).
# shellcheck shell=sh disable=SC2163
# Runs a program of Ingot's own as the agent's child. Its arguments are described in `guest-scripts.ts`.
umask 022
cd -- "$1" || exit 126
limit=$2; count=$3; shift 3
while [ "$count" -gt 0 ]; do export "$1"; shift; count=$((count - 1)); done
[ "$limit" = 0 ] || exec timeout -s KILL "$limit" "$@"
exec "$@"
