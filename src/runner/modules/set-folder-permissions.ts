/**
 * SetFolderPermissions: of the folder and, unless told otherwise, of all that is in it. Source: reference, `awstoe.md`
 * section 6.
 */
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
  bash: `
path=$1 permissions=$2 recursive=$3
if [ ! -d "$path" ]; then if [ -e "$path" ]; then fail "$path is not a folder"; else fail "$path does not exist"; fi; fi
if [ "$recursive" = true ]; then chmod -R -- "$permissions" "\${path%/}/" || exit 1; else chmod -- "$permissions" "$path" || exit 1; fi
`,
});
