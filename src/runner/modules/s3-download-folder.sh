# Part of S3Download: checks that a folder exists. Argument: path.
# shellcheck shell=bash
[ -d "$1" ] || fail "the folder $1 does not exist; S3Download makes none"
