/** SetFolderOwner: of the folder and, by default, its whole content. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import { fileModule } from '../kit/file-program.ts';
import { flag, optionalText, text } from '../kit/inputs.ts';

export const setFolderOwner = fileModule({
  name: 'SetFolderOwner',
  platforms: ['Linux', 'macOS'],
  item: (inputs, absolute) => ({
    fields: [
      absolute(text(inputs, 'path')),
      text(inputs, 'owner'),
      optionalText(inputs, 'group') ?? '',
      String(flag(inputs, 'recursive', true)),
    ],
  }),
  bash: readScript(import.meta.url, 'set-folder-owner.sh'),
});
