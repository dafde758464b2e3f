/** CreateFolder: the content of an existing folder is kept. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
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
  bash: readScript(import.meta.url, 'create-folder.sh'),
  powershell: readScript(import.meta.url, 'create-folder.ps1'),
});
