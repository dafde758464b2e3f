# Lets the program of a launched container start.
# shellcheck shell=sh
echo >/run/start
