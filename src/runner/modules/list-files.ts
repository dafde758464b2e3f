/** ListFiles: the files of a folder as output. Source: reference, `awstoe.md` section 6. */
import { fileModule, wildcard } from '../kit/file-program.ts';
import { flag, itemsOf, optionalText, text } from '../kit/inputs.ts';
import type { AttemptContext, AttemptResult } from '../module.ts';
import { withoutEnd } from '../../resources/ends.ts';

export const listFiles = fileModule({
  name: 'ListFiles',
  platforms: ['Linux', 'Windows', 'macOS'],
  item(inputs, absolute) {
    const pattern = wildcard(optionalText(inputs, 'fileNamePattern') || '*', 'fileNamePattern').pattern;
    return {
      fields: [withoutEnd(absolute(text(inputs, 'path')), '/', 1), pattern, String(flag(inputs, 'recursive', false))],
    };
  },
  // The names of an item end with an empty one.
  bash: `
path=$1 pattern=$2 recursive=$3
if [ ! -d "$path" ]; then if [ -e "$path" ]; then fail "$path is not a folder"; else fail "$path does not exist"; fi; fi
depth=(-maxdepth 1); [ "$recursive" = false ] || depth=()
find "\${path%/}/" "\${depth[@]}" \\( -type f -o -type l ! -xtype d \\) -name "$pattern" -print0 || exit 1
printf '\\0'
`,
  powershell: `
$path, $pattern, $recursive = $args[0], (Like ($args[1] -replace '\\\\(.)', '$1')), $args[2]
if (-not (Test-Path -LiteralPath $path -PathType Container)) { Fail "$path does not exist, or is not a folder" }
Get-ChildItem -LiteralPath $path -File -Force -Recurse:($recursive -eq 'true') |
  Where-Object { $pattern.IsMatch($_.Name) } |
  ForEach-Object { [Console]::Out.Write($_.FullName + [char]0) }
[Console]::Out.Write([char]0)
`,
  outputs: readNames,
});

function readNames(printed: Buffer | undefined, context: AttemptContext): AttemptResult {
  if (printed === undefined) return { result: 'success', outputs: { files: undefined } };
  const lists: string[][] = [[]];
  for (const name of printed.toString('utf8').split('\0').slice(0, -1)) {
    if (name === '') lists.push([]);
    else lists.at(-1)!.push(name);
  }
  const joined = lists.slice(0, itemsOf(context.inputs).length).map((names) => names.sort().join(','));
  return { result: 'success', outputs: { files: joined.length === 1 ? joined[0] : joined } };
}
