# Makes a directory of extracted packages a distroless one. Runs on the host, as a hook of mmdebstrap. Argument: the
# directory. No program of the directory runs.
# shellcheck shell=sh
set -e
root=${1:?the directory}
# CA certificates without their package, whose dependencies are openssl and perl.
mkdir "$root/tmp/ca"
(
  cd "$root/tmp/ca"
  APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq -o APT::Sandbox::User=root download ca-certificates
)
# Scanners look for the packages here, one file each.
status="$root/var/lib/dpkg/status.d"
mkdir -p "$status" "$root/etc/ssl/certs"
for file in "$root"/var/cache/apt/archives/*.deb "$root"/tmp/ca/*.deb; do
  name=$(dpkg-deb --field "$file" Package)
  case "$name" in debconf | mawk | perl-base | usr-is-merged) continue ;; esac
  dpkg-deb --field "$file" >"$status/$name"
done
dpkg-deb --extract "$root"/tmp/ca/*.deb "$root/tmp/ca/tree"
cat "$root"/tmp/ca/tree/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
mkdir -p "$root/usr/share/doc/ca-certificates"
cp "$root/tmp/ca/tree/usr/share/doc/ca-certificates/copyright" "$root/usr/share/doc/ca-certificates/"
rm -rf "$root/tmp/ca"
# Debian's configuration tools came along. What mmdebstrap itself needs to its end stays: /etc/apt and lists of dpkg.
(
  cd "$root"
  rm -rf usr/bin/* usr/sbin/* usr/share/perl5 usr/lib/*/perl-base usr/share/debconf usr/share/man usr/share/info \
    usr/share/locale usr/share/lintian usr/share/bug usr/share/pixmaps usr/share/bash-completion etc/debconf.conf \
    etc/resolv.conf etc/hostname etc/fstab
)
find "$root/usr/share/doc" -type f ! -name copyright -delete
printf 'root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n%s\n' \
  'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$root/etc/passwd"
printf 'root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n' >"$root/etc/group"
mkdir -p "$root/home/nonroot"
chown 65532:65532 "$root/home/nonroot"
chmod 700 "$root/home/nonroot"
