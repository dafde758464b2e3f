/** SetFolderPermissions: of the folder and, by default, its whole content. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import { fileModule } from '../kit/file-program.ts';
import { flag, mode, text } from '../kit/inputs.ts';

export const setFolderPermissions = fileModule({
  name: 'SetFolderPermissions',
  platforms: ['Linux', 'macOS'],
  item: (inputs, absolute) => ({
    fields: [
      absolute(text(inputs, 'path')),
      mode(inputs, 'permissions', 'needed'),
      String(flag(inputs, 'recursive', true)),
    ],
  }),
  bash: readScript(import.meta.url, 'set-folder-permissions.sh'),
});
