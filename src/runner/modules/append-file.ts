/** AppendFile: appends to existing files. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
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
  bash: readScript(import.meta.url, 'append-file.sh'),
  powershell: readScript(import.meta.url, 'append-file.ps1'),
});
