/** SetFileEncoding: from UTF-8 to another encoding, in place. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import { encodingOf } from '../kit/encodings.ts';
import { fileModule } from '../kit/file-program.ts';
import { optionalText, text } from '../kit/inputs.ts';

export const setFileEncoding = fileModule({
  name: 'SetFileEncoding',
  platforms: ['Linux', 'Windows', 'macOS'],
  item: (inputs, absolute) => ({
    fields: [absolute(text(inputs, 'path')), encodingOf(optionalText(inputs, 'encoding'))],
  }),
  bash: readScript(import.meta.url, 'set-file-encoding.sh'),
  powershell: readScript(import.meta.url, 'set-file-encoding.ps1'),
});
