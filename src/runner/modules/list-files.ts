/** ListFiles: the files of a folder as output. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
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
  bash: readScript(import.meta.url, 'list-files.sh'),
  powershell: readScript(import.meta.url, 'list-files.ps1'),
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
