# What the bash program of each file module ends with: calls its function `item` for each item.
# shellcheck shell=bash
fields=$1; shift
while [ $# -gt 0 ]; do item "${@:1:fields}"; shift "$fields"; done
