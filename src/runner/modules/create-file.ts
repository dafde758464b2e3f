/** CreateFile: files with their content. Source: reference, `awstoe.md` section 6. */
import { encode, encodingOf } from '../kit/encodings.ts';
import { fileModule } from '../kit/file-program.ts';
import { flag, mode, optionalText, text } from '../kit/inputs.ts';

export const createFile = fileModule({
  name: 'CreateFile',
  platforms: ['Linux', 'Windows', 'macOS'],
  item(inputs, absolute) {
    const content = encode(optionalText(inputs, 'content') ?? '', encodingOf(optionalText(inputs, 'encoding')));
    return {
      fields: [
        absolute(text(inputs, 'path')),
        optionalText(inputs, 'owner') ?? '',
        optionalText(inputs, 'group') ?? '',
        mode(inputs, 'permissions') ?? '0666',
        String(flag(inputs, 'overwrite', true)),
        String(content.length),
      ],
      content,
    };
  },
  // Ownership goes before the mode, since chown clears setuid bits.
  bash: `
path=$1 owner=$2 group=$3 permissions=$4 overwrite=$5 bytes=$6
if [ -d "$path" ]; then fail "$path is a folder"; fi
if [ "$overwrite" = false ] && { [ -e "$path" ] || [ -L "$path" ]; }; then fail "$path exists, and overwrite is false"; fi
parents "$path"
if [ "$bytes" = 0 ]; then : > "$path" || exit 1; else head -c "$bytes" > "$path" || exit 1; fi
if [ -n "$owner$group" ]; then chown -- "\${owner:-root}:\${group:-root}" "$path" || exit 1
elif [ ! -O "$path" ] || [ ! -G "$path" ]; then chown -- root:root "$path" || exit 1; fi
printf -v mode '%04o' $(( 8#$permissions & ~8#$(umask) ))
chmod -- "$mode" "$path" || exit 1
`,
  powershell: `
$path, $overwrite, $bytes = $args[0], $args[4], [int64]$args[5]
if ($args[1] -or $args[2]) { Fail "owner and group do not exist on Windows" }
if (Test-Path -LiteralPath $path -PathType Container) { Fail "$path is a folder" }
if ($overwrite -eq 'false' -and (Test-Path -LiteralPath $path)) { Fail "$path exists, and overwrite is false" }
Parents $path
[IO.File]::WriteAllBytes($path, (Content $bytes))
`,
});
