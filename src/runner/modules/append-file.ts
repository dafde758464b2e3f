/** AppendFile: adds to the end of files that exist. Source: reference, `awstoe.md` section 6. */
import { encode, encodingOf } from '../kit/encodings.ts';
import { fileModule } from '../kit/file-program.ts';
import { optionalText, text } from '../kit/inputs.ts';

export const appendFile = fileModule({
  name: 'AppendFile',
  platforms: ['Linux', 'Windows', 'macOS'],
  item(inputs, absolute) {
    const content = encode(optionalText(inputs, 'content') ?? '', encodingOf(optionalText(inputs, 'encoding')));
    return { fields: [absolute(text(inputs, 'path')), String(content.length)], content };
  },
  bash: `
path=$1 bytes=$2
if [ -d "$path" ]; then fail "$path is a folder"; fi
if [ ! -e "$path" ]; then fail "$path does not exist; CreateFile makes files"; fi
if [ "$bytes" != 0 ]; then head -c "$bytes" >> "$path" || exit 1; fi
`,
  powershell: `
$path, $bytes = $args[0], [int64]$args[1]
if (-not (Test-Path -LiteralPath $path -PathType Leaf)) { Fail "$path does not exist; CreateFile makes files" }
$file = [IO.File]::Open($path, 'Append')
try { $content = Content $bytes; $file.Write($content, 0, $content.Length) } finally { $file.Close() }
`,
});
