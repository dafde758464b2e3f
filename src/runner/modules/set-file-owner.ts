/**
 * SetFileOwner. The group is the owner's primary one unless it is named; a link's target is changed. Source: reference,
 * `awstoe.md` section 6.
 */
import { fileModule } from '../kit/file-program.ts';
import { optionalText, text } from '../kit/inputs.ts';

export const setFileOwner = fileModule({
  name: 'SetFileOwner',
  platforms: ['Linux', 'macOS'],
  item: (inputs, absolute) => ({
    fields: [absolute(text(inputs, 'path')), text(inputs, 'owner'), optionalText(inputs, 'group') ?? ''],
  }),
  bash: `
path=$1 owner=$2 group=$3
if [ -d "$path" ]; then fail "$path is a folder; SetFolderOwner is for folders"; fi
if [ ! -e "$path" ]; then fail "$path does not exist"; fi
chown -- "$owner:$group" "$path" || exit 1
`,
});
