/** DeleteFile: a file that is not there is none to delete. Source: reference, `awstoe.md` section 6. */
import { fileModule, wildcard } from '../kit/file-program.ts';
import { text } from '../kit/inputs.ts';

export const deleteFile = fileModule({
  name: 'DeleteFile',
  platforms: ['Linux', 'Windows', 'macOS'],
  item(inputs, absolute) {
    const path = absolute(text(inputs, 'path'));
    const { pattern, hasWildcard } = wildcard(path, 'path', /^[A-Za-z]:|^\\/.test(path));
    return { fields: [path, hasWildcard ? pattern : ''] };
  },
  bash: `
path=$1 pattern=$2
if [ -n "$pattern" ]; then matches "$path" "$pattern"; else found=("$path"); fi
for each in "\${found[@]}"; do
  if [ -d "$each" ] && [ ! -L "$each" ]; then
    [ -z "$pattern" ] || continue
    fail "$each is a folder; DeleteFolder deletes folders"
  fi
  rm -f -- "$each" || exit 1
done
`,
  powershell: `
$path, $pattern = $args
if ($pattern) { Matching $path | Where-Object { -not $_.PSIsContainer } | Remove-Item -Force; return }
if (Test-Path -LiteralPath $path -PathType Container) { Fail "$path is a folder; DeleteFolder deletes folders" }
if (Test-Path -LiteralPath $path) { Remove-Item -LiteralPath $path -Force }
`,
});
