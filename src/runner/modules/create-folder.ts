/** CreateFolder: what is in a folder that exists stays. Source: reference, `awstoe.md` section 6. */
import { fileModule } from '../kit/file-program.ts';
import { flag, mode, optionalText, text } from '../kit/inputs.ts';
import { withoutEnd } from '../../resources/ends.ts';

export const createFolder = fileModule({
  name: 'CreateFolder',
  platforms: ['Linux', 'Windows', 'macOS'],
  item: (inputs, absolute) => ({
    fields: [
      withoutEnd(absolute(text(inputs, 'path')), '/\\', 1),
      optionalText(inputs, 'owner') ?? '',
      optionalText(inputs, 'group') ?? '',
      mode(inputs, 'permissions') ?? '',
      String(flag(inputs, 'overwrite', true)),
    ],
  }),
  bash: `
path=$1 owner=$2 group=$3 permissions=$4 overwrite=$5
if [ -d "$path" ]; then
  if [ "$overwrite" = false ]; then fail "$path exists, and overwrite is false"; fi
elif [ -e "$path" ] || [ -L "$path" ]; then fail "$path exists and is not a folder"
else parents "$path"; mkdir -- "$path" || exit 1; fi
if [ -n "$owner$group" ]; then chown -- "\${owner:-root}:\${group:-root}" "$path/" || exit 1; fi
if [ -n "$permissions" ]; then
  printf -v mode '%04o' $(( 8#$permissions & ~8#$(umask) ))
  chmod -- "$mode" "$path/" || exit 1
fi
`,
  powershell: `
$path, $owner, $group, $permissions, $overwrite = $args
if ($owner -or $group -or $permissions) { Fail "owner, group and permissions do not exist on Windows" }
if (Test-Path -LiteralPath $path -PathType Leaf) { Fail "$path exists and is not a folder" }
if ($overwrite -eq 'false' -and (Test-Path -LiteralPath $path)) { Fail "$path exists, and overwrite is false" }
[void][IO.Directory]::CreateDirectory($path)
`,
});
