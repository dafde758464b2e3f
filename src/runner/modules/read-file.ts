/** ReadFile: the content of text files as output. Source: reference, `awstoe.md` section 6. */
import { decode, encodingOf } from '../kit/encodings.ts';
import { fileModule } from '../kit/file-program.ts';
import { flag, itemsOf, mapOf, optionalText, text } from '../kit/inputs.ts';
import type { AttemptContext, AttemptResult } from '../module.ts';

export const readFile = fileModule({
  name: 'ReadFile',
  platforms: ['Linux', 'Windows', 'macOS'],
  item(inputs, absolute) {
    encodingOf(optionalText(inputs, 'encoding'));
    return { fields: [absolute(text(inputs, 'path'))] };
  },
  // Each file behind a line with its size. A file that grows meanwhile is read as far as it was.
  bash: `
path=$1
if [ ! -f "$path" ]; then if [ -e "$path" ]; then fail "$path is not a file"; else fail "$path does not exist"; fi; fi
size=$(wc -c < "$path") || exit 1
size=\${size//[!0-9]/}
printf '%s\\n' "$size"
# What cannot be chained is not printed: two MiB are more than any output keeps.
if [ "$size" -gt 2097152 ]; then size=2097152; fi
[ "$size" = 0 ] || head -c "$size" -- "$path" || exit 1
`,
  powershell: `
$path = $args[0]
if (-not (Test-Path -LiteralPath $path -PathType Leaf)) { Fail "$path does not exist" }
$content = [IO.File]::ReadAllBytes($path)
$out = [Console]::OpenStandardOutput()
$head = [Text.Encoding]::ASCII.GetBytes("$($content.Length)\`n")
$out.Write($head, 0, $head.Length)
$out.Write($content, 0, $content.Length)
$out.Flush()
`,
  outputs: readContents,
});

function readContents(printed: Buffer | undefined, context: AttemptContext): AttemptResult {
  if (printed === undefined) {
    context.log('the content is larger than 1 MiB, so later steps cannot refer to it', 'warn');
    return { result: 'success', outputs: { content: undefined } };
  }
  const contents: string[] = [];
  let at = 0;
  for (const item of itemsOf(context.inputs)) {
    const inputs = mapOf(item);
    const newline = printed.indexOf(10, at);
    const size = Number(printed.subarray(at, newline).toString('latin1'));
    at = newline + 1 + size;
    const encoding = encodingOf(optionalText(inputs, 'encoding'));
    const content = decode(printed.subarray(newline + 1, at), encoding);
    if (content === undefined)
      return { result: 'failed', message: `${text(inputs, 'path')} is not text in the encoding ${encoding}` };
    if (flag(inputs, 'printFileContent', false))
      for (const line of content.replace(/\n$/, '').split('\n')) context.log(line);
    contents.push(content);
  }
  return { result: 'success', outputs: { content: contents.length === 1 ? contents[0] : contents } };
}
