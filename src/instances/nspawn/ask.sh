# Asks for a command's end. Arguments: the folder inside, its unit. tell.sh reads u (SC2034).
# shellcheck shell=sh disable=SC2034
f=$1/$2 u=$2
# @TELL@
