/** SetFilePermissions: exactly the mode that is asked for. Source: reference, `awstoe.md` section 6. */
import { fileModule } from '../kit/file-program.ts';
import { mode, text } from '../kit/inputs.ts';

export const setFilePermissions = fileModule({
  name: 'SetFilePermissions',
  platforms: ['Linux', 'macOS'],
  item: (inputs, absolute) => ({ fields: [absolute(text(inputs, 'path')), mode(inputs, 'permissions', 'needed')] }),
  bash: `
path=$1 permissions=$2
if [ -d "$path" ]; then fail "$path is a folder; SetFolderPermissions is for folders"; fi
if [ ! -e "$path" ]; then fail "$path does not exist"; fi
chmod -- "$permissions" "$path" || exit 1
`,
});
