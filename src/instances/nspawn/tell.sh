# Part of the visits: tells a command's end. They assign f and u; s is empty without a status (SC2154).
# shellcheck shell=sh disable=SC2154
[ -s "$f.status" ] || s=$(systemctl show -p ActiveState --value "$u.service")
if [ -s "$f.status" ]; then read -r s <"$f.status"; rm -f "$f.status" "$f.words" "$f.sh"; fi
echo "$s"
systemctl show -p SystemState --value
