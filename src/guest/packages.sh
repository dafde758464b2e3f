# Lists operating system and packages. Each line: a letter for what it is, a tab, the value; `P` lines have state, name
# and version, `O` lines are those of os-release.
# shellcheck shell=sh
for file in /etc/os-release /usr/lib/os-release; do
  if [ ! -f "$file" ] || [ ! -r "$file" ]; then continue; fi
  head -c 65536 -- "$file" | sed 's/^/O\t/'
  break
done
if command -v dpkg-query >/dev/null; then
  dpkg-query -W -f 'P\t${db:Status-Status}\t${Package}\t${Version}\n' || exit 1
elif command -v rpm >/dev/null; then
  rpm -qa --qf 'P\tinstalled\t%{NAME}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n' || exit 1
elif command -v apk >/dev/null; then
  apk info -v 2>/dev/null | sed 's/^\(.*\)-\([^-]*-r[0-9]*\)$/P\tinstalled\t\1\t\2/'
fi
exit 0
