/** SetFileEncoding: from UTF-8 to another encoding, in place. Source: reference, `awstoe.md` section 6. */
import { encodingOf } from '../kit/encodings.ts';
import { fileModule } from '../kit/file-program.ts';
import { optionalText, text } from '../kit/inputs.ts';

export const setFileEncoding = fileModule({
  name: 'SetFileEncoding',
  platforms: ['Linux', 'Windows', 'macOS'],
  item: (inputs, absolute) => ({
    fields: [absolute(text(inputs, 'path')), encodingOf(optionalText(inputs, 'encoding'))],
  }),
  // Into the same file, so that its owner, mode and links stay.
  bash: `
path=$1 encoding=$2
if [ ! -f "$path" ]; then if [ -e "$path" ]; then fail "$path is not a file"; else fail "$path does not exist"; fi; fi
type iconv >/dev/null 2>&1 || fail "the program iconv is missing in this system"
new=$(mktemp) || exit 1
if ! iconv -f UTF-8 -t "$encoding" < "$path" > "$new" 2>/dev/null; then rm -f -- "$new"; fail "$path is not text in UTF-8"; fi
cat "$new" > "$path" || { rm -f -- "$new"; exit 1; }
rm -f -- "$new"
`,
  powershell: `
$path, $encoding = $args
if (-not (Test-Path -LiteralPath $path -PathType Leaf)) { Fail "$path does not exist" }
$strict = [Text.UTF8Encoding]::new($false, $true)
try { $text = $strict.GetString([IO.File]::ReadAllBytes($path)) } catch { Fail "$path is not text in UTF-8" }
$to = switch ($encoding) {
  'UTF-8' { [Text.UTF8Encoding]::new($false) }
  'UTF-16LE' { [Text.UnicodeEncoding]::new($false, $false) }
  'UTF-16BE' { [Text.UnicodeEncoding]::new($true, $false) }
  'UTF-32LE' { [Text.UTF32Encoding]::new($false, $false) }
  'UTF-32BE' { [Text.UTF32Encoding]::new($true, $false) }
}
[IO.File]::WriteAllBytes($path, $to.GetBytes($text))
`,
});
