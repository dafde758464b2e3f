# Lists operating system and packages of an image without a shell, from its files: see `guest/packages.sh`. Runs beside
# the containers. Argument: the image. Links of the image lead nowhere but into it or this build's own root directory.
# shellcheck shell=sh
set -e
id=$(buildah from --quiet --pull-never "$1")
root=$(buildah mount "$id")
trap 'buildah rm "$id" >/dev/null' EXIT
for file in "$root/etc/os-release" "$root/usr/lib/os-release"; do
  if [ ! -f "$file" ] || [ -L "$file" ]; then continue; fi
  head -c 65536 -- "$file" | sed 's/^/O\t/'
  break
done
# Distroless images have a file for each package.
for file in "$root/var/lib/dpkg/status" "$root"/var/lib/dpkg/status.d/*; do
  case $file in *.md5sums) continue ;; esac
  if [ ! -f "$file" ] || [ -L "$file" ]; then continue; fi
  head -c 16777216 -- "$file" | awk '
    function print_it() { if (name != "" && version != "") printf "P\t%s\t%s\t%s\n", state, name, version }
    function forget() { name = version = ""; state = "installed" }
    BEGIN { forget() }
    /^Package: / { name = $2 }
    /^Version: / { version = $2 }
    /^Status: / { state = $NF }
    /^$/ { print_it(); forget() }
    END { print_it() }'
done
file=$root/lib/apk/db/installed
if [ -f "$file" ] && [ ! -L "$file" ]; then
  head -c 67108864 -- "$file" | awk '
    /^P:/ { name = substr($0, 3) }
    /^V:/ { printf "P\tinstalled\t%s\t%s\n", name, substr($0, 3) }'
fi
