# Starts a program in a network namespace with its own /etc/resolv.conf. Arguments: that file, the namespace, the
# program.
# shellcheck shell=sh
set -e
if [ -e /etc/resolv.conf ]; then mount --bind -- "$1" /etc/resolv.conf; fi
n=$2
shift 2
exec nsenter "--net=$n" -- "$@"
