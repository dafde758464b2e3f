/** CreateFile: files with their content. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
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
  bash: readScript(import.meta.url, 'create-file.sh'),
  powershell: readScript(import.meta.url, 'create-file.ps1'),
});
