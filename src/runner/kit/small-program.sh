# What each small program begins with.
# shellcheck shell=bash
fail() { printf '%s\n' "$1" >&2; exit 1; }
