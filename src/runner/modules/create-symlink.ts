/**
 * CreateSymlink. A relative target is relative to the link's folder, as for `ln`. Source: reference, `awstoe.md`
 * section 6.
 */
import { readScript } from '../../platform/scripts.ts';
import { fileModule } from '../kit/file-program.ts';
import { flag, text } from '../kit/inputs.ts';

export const createSymlink = fileModule({
  name: 'CreateSymlink',
  platforms: ['Linux', 'macOS'],
  item: (inputs, absolute) => ({
    fields: [absolute(text(inputs, 'path')), text(inputs, 'target'), String(flag(inputs, 'force', false))],
  }),
  bash: readScript(import.meta.url, 'create-symlink.sh'),
});
