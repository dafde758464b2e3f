/** DeleteFolder: a folder that is not there is none to delete. Source: reference, `awstoe.md` section 6. */
import { fileModule } from '../kit/file-program.ts';
import { flag, text } from '../kit/inputs.ts';
import { withoutEnd } from '../../resources/ends.ts';

export const deleteFolder = fileModule({
  name: 'DeleteFolder',
  platforms: ['Linux', 'Windows', 'macOS'],
  item: (inputs, absolute) => ({
    fields: [withoutEnd(absolute(text(inputs, 'path')), '/\\', 1), String(flag(inputs, 'force', false))],
  }),
  bash: `
path=$1 force=$2
if [ "$(readlink -f -- "$path")" = / ]; then fail "$path is the root folder"; fi
if [ -L "$path" ]; then fail "$path is a symbolic link; DeleteFile deletes links"; fi
[ -e "$path" ] || return 0
if [ ! -d "$path" ]; then fail "$path is not a folder"; fi
if [ "$force" = true ]; then rm -rf -- "$path" || exit 1; return; fi
inside=("$path"/*)
if [ \${#inside[@]} -gt 0 ]; then fail "$path is not empty, and force is false"; fi
rmdir -- "$path" || exit 1
`,
  powershell: `
$path, $force = $args
if (-not (Test-Path -LiteralPath $path)) { return }
if (-not (Test-Path -LiteralPath $path -PathType Container)) { Fail "$path is not a folder" }
if ($force -ne 'true' -and (Get-ChildItem -LiteralPath $path -Force | Select-Object -First 1)) { Fail "$path is not empty, and force is false" }
Remove-Item -LiteralPath $path -Recurse -Force
`,
});
