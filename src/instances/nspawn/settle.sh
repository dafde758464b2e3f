# Waits until all that starts at boot has started, and prints the state of the system. Arguments: seconds to wait, then
# `resolved` where the image's own systemd-resolved answers names: it has to have been told of the network's server.
# shellcheck shell=sh
state=$(timeout "$1" systemctl is-system-running --wait)
left=100
while [ "$2" = resolved ] && [ "$left" -gt 0 ] && ! grep -qs '^nameserver' /run/systemd/resolve/resolv.conf &&
  systemctl -q is-active systemd-resolved.service; do
  sleep 0.05
  left=$((left - 1))
done
echo "$state"
