/**
 * What CopyFile, MoveFile, CopyFolder and MoveFolder have in common. Source: reference, `awstoe.md` section 6.
 * A copy has the mode of its source and belongs to root; a folder that is there already is filled, not replaced.
 */
import type { InputValue } from '../../documents/component/document.ts';
import { wildcard, type ProgramItem } from './file-program.ts';
import { flag, text } from './inputs.ts';
import { withoutEnd } from '../../resources/ends.ts';

/**
 * Source without separators at its end, destination, whether it is a folder to put things in, the source's last part as
 * a pattern where it is one, overwrite.
 */
export function copyItem(
  inputs: Readonly<Record<string, InputValue>>,
  absolute: (path: string) => string,
): ProgramItem {
  const source = withoutEnd(absolute(text(inputs, 'source')), '/\\', 1);
  const destination = absolute(text(inputs, 'destination'));
  const { pattern, hasWildcard } = wildcard(source, 'source', /^[A-Za-z]:|^\\/.test(source));
  return {
    fields: [
      source,
      withoutEnd(destination, '/\\', 1) || '/',
      String(/[/\\]$/.test(destination)),
      hasWildcard ? pattern : '',
      String(flag(inputs, 'overwrite', true)),
    ],
  };
}

/** The bash program: `one SOURCE DESTINATION` moves or copies one of them; `is` tests whether a path is of the kind. */
export function copyProgram(kind: 'file' | 'folder', one: string): string {
  const test = kind === 'file' ? '-f' : '-d';
  return `
source=$1 destination=$2 into=$3 pattern=$4 overwrite=$5
one() {
  if [ "$overwrite" = false ] && { [ -e "$2" ] || [ -L "$2" ]; }; then fail "$2 exists, and overwrite is false"; fi
  ${kind === 'file' ? 'if [ -d "$2" ]; then fail "$2 is a folder; a destination that ends in / takes files into it"; fi' : 'if [ -e "$2" ] && [ ! -d "$2" ]; then fail "$2 is not a folder"; fi'}
  if [ "$1" -ef "$2" ]; then fail "$1 and $2 are the same ${kind}"; fi
  ${kind === 'folder' ? 'case "$(readlink -m -- "$2")/" in "$(readlink -f -- "$1")"/*) fail "$2 lies in $1" ;; esac' : ':'}
  parents "$2"
  ${one}
}
if [ -n "$pattern" ]; then
  if [ "$into" = false ] && [ ! -d "$destination" ]; then fail "$destination is not a folder: with a * in the source the destination is one, and ends in /"; fi
  matches "$source" "$pattern"
  some=false
  for each in "\${found[@]}"; do
    [ ${test} "$each" ] || continue
    some=true
    one "$each" "\${destination%/}/\${each##*/}"
  done
  [ "$some" = true ] || fail "no ${kind} matches $source"
  return
fi
if [ ! ${test} "$source" ]; then if [ -e "$source" ]; then fail "$source is not a ${kind}"; else fail "$source does not exist"; fi; fi
if [ "$into" = true ]; then one "$source" "\${destination%/}/\${source##*/}"; else one "$source" "$destination"; fi
`;
}

/** The same for PowerShell; `$from` and `$to` are what `one` works with. */
export function copyPowerShell(kind: 'file' | 'folder', one: string): string {
  const type = kind === 'file' ? 'Leaf' : 'Container';
  return `
$source, $destination, $into, $pattern, $overwrite = $args
function One($from, $to) {
  if ($overwrite -eq 'false' -and (Test-Path -LiteralPath $to)) { Fail "$to exists, and overwrite is false" }
  if ((Test-Path -LiteralPath $to) -and -not (Test-Path -LiteralPath $to -PathType ${type})) { Fail "$to is not a ${kind}" }
  Parents $to
  ${one}
}
if ($pattern) {
  if ($into -eq 'false' -and -not (Test-Path -LiteralPath $destination -PathType Container)) { Fail "$destination is not a folder" }
  $found = @(Matching $source | Where-Object { ${kind === 'file' ? '-not ' : ''}$_.PSIsContainer })
  if ($found.Count -eq 0) { Fail "no ${kind} matches $source" }
  foreach ($each in $found) { One $each.FullName (Join-Path $destination $each.Name) }
  return
}
if (-not (Test-Path -LiteralPath $source -PathType ${type})) { Fail "$source does not exist, or is not a ${kind}" }
if ($into -eq 'true') { One $source (Join-Path $destination (Split-Path -Leaf $source)) } else { One $source $destination }
`;
}
