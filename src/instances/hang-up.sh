# Tells the command of `marked-command.sh` that its user has gone. Argument: path without suffix.
# shellcheck shell=sh
# `script` takes no SIGHUP; once it ends by SIGTERM, its terminal's end tells whatever runs there.
pid=$(cat "$1.pid") && kill -HUP "$pid" && sleep 0.2 && kill -TERM "$pid"
