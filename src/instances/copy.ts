/** Files in and out of an instance, as tar archives that flow through it. */
import type { Instance, StreamedCommand } from './instance.ts';

/** Name of the one top entry of an archive that goes in. */
export const ARCHIVE_ROOT = 'it';
/** Name of the entry that an archive going in ends with: one that was cut off has none. */
export const ARCHIVE_END = 'end';

// GNU tar ends with 1 when a file changed while it was read, and says so: that is for the reader to judge, the archive
// is whole.
const GET_SCRIPT = `
path=$(readlink -f -- "$1") && [ -e "$path" ] || { echo "there is no $1" >&2; exit 4; }
if [ -d "$path" ]; then cd -- "$path" || exit 4; set -- .
elif [ -f "$path" ]; then cd -- "$(dirname -- "$path")" || exit 4; set -- "./$(basename -- "$path")"
else echo "$1 is neither a file nor a folder" >&2; exit 4
fi
tar -cf - -- "$1"
code=$?
if [ $code -eq 1 ] && tar --version 2>/dev/null | grep -q GNU; then exit 0; fi
exit $code
`;

// All of it lands in a folder beside its place first, and moves there when the archive has come to its end. A shell
// hears signals while it waits for a program in the background, and only then: a copy whose user goes is taken back at
// once, whatever its stdin does.
const PUT_SCRIPT = `
fail() { echo "$1" >&2; exit 4; }
target=$1 name=$2
if [ -d "$target" ]; then
  [ -n "$name" ] || fail "$target is a folder: name the file in it"
  target=\${target%/}/$name
else
  case $target in */) fail "there is no folder $target" ;; esac
fi
if [ -L "$target" ]; then target=$(readlink -m -- "$target"); fi
parent=$(dirname -- "$target")
[ -d "$parent" ] || fail "there is no folder $parent"
stage= unpacking=
trap 'rm -rf -- "$stage"' EXIT
trap '[ -z "$unpacking" ] || kill "$unpacking"; exit 4' HUP INT TERM
stage=$(mktemp -d -- "$parent/.ingot-cp.XXXXXX") || fail "nothing can be written to $parent"
exec 3<&0
tar -xpf - --numeric-owner -C "$stage" <&3 &
unpacking=$!
wait "$unpacking" || fail "it could not be unpacked in $parent; nothing was changed"
unpacking=
[ -e "$stage/${ARCHIVE_END}" ] || fail 'the copy was cut off; nothing was changed'
from=$stage/${ARCHIVE_ROOT}
if [ -d "$from" ]; then
  if [ -d "$target" ]; then cp -a -- "$from/." "$target/" || fail "not all of it could be written to $target"; exit 0; fi
  [ ! -e "$target" ] || fail "$target is there and is no folder"
elif [ -d "$target" ]; then fail "$target is a folder"
fi
mv -fT -- "$from" "$target" || fail "$target could not be written"
`;

/**
 * Opens an archive of a file or a folder: its entries are `./name`, or `./` and what is below. A link at the path
 * itself is followed. Its exit code is not 0 when it could not be read, with the reason on stderr.
 */
export function openGet(instance: Instance, path: string): Promise<StreamedCommand> {
  return instance.open({ argv: ['/bin/sh', '-c', GET_SCRIPT, 'sh', path], inputEnds: true });
}

/**
 * Opens the way of an archive to its place: a path that is there as a folder gets `name` in it, any other is the new
 * name. The archive has one top entry, `ARCHIVE_ROOT`, and `ARCHIVE_END` after it. The exit code is not 0 when nothing
 * was written, with the reason on stderr.
 */
export function openPut(
  instance: Instance,
  { path, name }: { readonly path: string; readonly name: string },
): Promise<StreamedCommand> {
  return instance.open({ argv: ['/bin/sh', '-c', PUT_SCRIPT, 'sh', path, name], inputEnds: true });
}
