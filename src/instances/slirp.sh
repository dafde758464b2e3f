# Starts slirp4netns in its mount namespace. Arguments: a file for /etc/resolv.conf or nothing, the command.
# shellcheck shell=sh
mount --bind /run /run && if [ -n "$1" ]; then mount --bind "$1" /etc/resolv.conf; fi && shift && exec "$@"
