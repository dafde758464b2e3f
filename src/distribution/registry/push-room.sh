# Makes a root directory that holds programs of the host to read and what is pushed, enters it, and becomes a command of
# a user that owns nothing else. The network is the host's. Runs in a mount namespace of its own.
# Arguments: an empty folder to mount on, the folder that becomes /given (read-only), the one that becomes /out, the
# user's id, the most bytes of a file that it writes, the command.
# shellcheck shell=sh
set -e
umask 022
root=$1 given=$2 out=$3 user=$4 bytes=$5
shift 5
mount -t tmpfs -o mode=0755,size=64m,nosuid,nodev ingot-push "$root"
cd "$root"
mkdir -p usr etc/ssl/certs dev proc given out tmp old
chmod 1777 tmp
for link in bin sbin lib lib64; do ln -s "usr/$link" "$link"; done
mount --bind /usr usr
mount -o remount,bind,ro,nosuid,nodev usr
mount --bind "$given" given
mount -o remount,bind,ro,nosuid,nodev,noexec given
mount --bind "$out" out
mount -o remount,bind,nosuid,nodev,noexec out
for file in resolv.conf hosts nsswitch.conf host.conf ld.so.cache; do
  if [ -e "/etc/$file" ]; then cp -L "/etc/$file" "etc/$file"; fi
done
# Certificates and mirrors that the host's administrator set for registries.
for folder in containers/registries.d containers/certs.d docker/certs.d containers/registries.conf.d; do
  if [ -d "/etc/$folder" ]; then mkdir -p "etc/$folder"; cp -rL "/etc/$folder/." "etc/$folder"; fi
done
if [ -e /etc/containers/registries.conf ]; then
  mkdir -p etc/containers
  cp -L /etc/containers/registries.conf etc/containers/
fi
chmod -R a+rX etc
if [ -d /etc/ssl/certs ]; then
  mount --bind /etc/ssl/certs etc/ssl/certs
  mount -o remount,bind,ro,nosuid,nodev,noexec etc/ssl/certs
fi
: >dev/null
mount --bind /dev/null dev/null
# For umount alone, which reads there what is mounted.
mount -t proc -o nosuid,nodev,noexec proc proc
pivot_root . old
cd /given
umount -l /old
umount -l /proc
exec prlimit --core=0 --fsize="$bytes" --nofile=256 --as=8589934592 -- \
  setpriv --reuid="$user" --regid="$user" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
