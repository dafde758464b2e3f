/** DeleteFolder: a missing folder counts as deleted. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import { fileModule } from '../kit/file-program.ts';
import { flag, text } from '../kit/inputs.ts';
import { withoutEnd } from '../../resources/ends.ts';

export const deleteFolder = fileModule({
  name: 'DeleteFolder',
  platforms: ['Linux', 'Windows', 'macOS'],
  item: (inputs, absolute) => ({
    fields: [withoutEnd(absolute(text(inputs, 'path')), '/\\', 1), String(flag(inputs, 'force', false))],
  }),
  bash: readScript(import.meta.url, 'delete-folder.sh'),
  powershell: readScript(import.meta.url, 'delete-folder.ps1'),
});
