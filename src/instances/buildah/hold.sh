# Makes the root directory of a container build in this mount namespace, and enters it: programs of the host to read,
# nothing else of it. Arguments: a folder to mount on, the mounted disk, first uid, number of uids, hold.pl, the command
# that is process 1.
# shellcheck shell=sh
set -e
root=$1 disk=$2 base=$3 count=$4 hold=$5
shift 5
# mode: everybody inside enters; nothing outside does, since the folder above is closed.
mount -t tmpfs -o mode=0755,size=64m ingot-hold "$root"
cd "$root"
mkdir -p usr proc sys dev/shm dev/pts etc/containers etc/ssl tmp run var root work
chmod 1777 tmp
# What is copied from one place to another may be large.
ln -s /work/tmp var/tmp
for link in bin sbin lib lib64; do ln -s "usr/$link" "$link"; done
mount --bind /usr usr
mount -o remount,bind,ro,nosuid usr
for node in null zero full random urandom tty; do
  : >"dev/$node"
  mount --bind "/dev/$node" "dev/$node"
done
ln -s /proc/self/fd dev/fd
ln -s pts/ptmx dev/ptmx
printf 'root:x:0:0:root:/root:/bin/sh\n' >etc/passwd
printf 'root:x:0:\n' >etc/group
printf '127.0.0.1 localhost\n' >etc/hosts
printf 'nameserver 10.0.2.3\n' >etc/resolv.conf
if [ -e /etc/ld.so.cache ]; then cp /etc/ld.so.cache etc/; fi
if [ -d /etc/ssl/certs ]; then cp -rL /etc/ssl/certs etc/ssl/ 2>/dev/null || :; fi
printf '%s' "$INGOT_STORAGE_CONF" >etc/containers/storage.conf
printf '%s' "$INGOT_CONTAINERS_CONF" >etc/containers/containers.conf
printf '%s' "$INGOT_REGISTRIES_CONF" >etc/containers/registries.conf
printf '{"default":[{"type":"insecureAcceptAnything"}]}' >etc/containers/policy.json
chown -R -h "$base:$base" etc tmp run var root dev/shm dev/pts
unset INGOT_STORAGE_CONF INGOT_CONTAINERS_CONF INGOT_REGISTRIES_CONF
exec perl "$hold" "$disk" "$base" "$count" "$@"
