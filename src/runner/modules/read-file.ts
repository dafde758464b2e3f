/** ReadFile: the content of text files as output. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
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
  bash: readScript(import.meta.url, 'read-file.sh'),
  powershell: readScript(import.meta.url, 'read-file.ps1'),
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
