# Makes way for a file that the agent writes. Argument: path.
# shellcheck shell=sh
mkdir -p -- "$(dirname -- "$1")"
