/**
 * SetFileOwner. The group is the owner's primary one unless it is set; for a link, its target is changed. Source:
 * reference, `awstoe.md` section 6.
 */
import { readScript } from '../../platform/scripts.ts';
import { fileModule } from '../kit/file-program.ts';
import { optionalText, text } from '../kit/inputs.ts';

export const setFileOwner = fileModule({
  name: 'SetFileOwner',
  platforms: ['Linux', 'macOS'],
  item: (inputs, absolute) => ({
    fields: [absolute(text(inputs, 'path')), text(inputs, 'owner'), optionalText(inputs, 'group') ?? ''],
  }),
  bash: readScript(import.meta.url, 'set-file-owner.sh'),
});
