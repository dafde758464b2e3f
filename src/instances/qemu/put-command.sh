# The launchers assign r and id (SC2154); the folder above is there (SC2174).
# shellcheck shell=sh disable=SC2154,SC2174
# Part of the launchers: writes `command.sh` whole or not at all, since two commands may be the first at once.
if ! [ -e "$r/command.sh" ]; then
  mkdir -p -m 0711 "$r"
cat >"$r/$id.command" <<'COMMAND'
# @COMMAND@
COMMAND
  chmod 0644 "$r/$id.command"
  mv -f "$r/$id.command" "$r/command.sh"
fi
