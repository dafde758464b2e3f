/**
 * SetFolderOwner: of the folder and, unless told otherwise, of all that is in it. Source: reference, `awstoe.md`
 * section 6.
 */
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
  // Links in the folder change themselves, not what they lead to elsewhere.
  bash: `
path=$1 owner=$2 group=$3 recursive=$4
if [ ! -d "$path" ]; then if [ -e "$path" ]; then fail "$path is not a folder"; else fail "$path does not exist"; fi; fi
if [ "$recursive" = true ]; then chown -h -R -- "$owner:$group" "\${path%/}/" || exit 1; else chown -- "$owner:$group" "$path" || exit 1; fi
`,
});
