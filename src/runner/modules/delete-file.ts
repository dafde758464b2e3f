/** DeleteFile: a missing file counts as deleted. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import { fileModule, wildcard } from '../kit/file-program.ts';
import { text } from '../kit/inputs.ts';

export const deleteFile = fileModule({
  name: 'DeleteFile',
  platforms: ['Linux', 'Windows', 'macOS'],
  item(inputs, absolute) {
    const path = absolute(text(inputs, 'path'));
    const { pattern, hasWildcard } = wildcard(path, 'path', /^[A-Za-z]:|^\\/.test(path));
    return { fields: [path, hasWildcard ? pattern : ''] };
  },
  bash: readScript(import.meta.url, 'delete-file.sh'),
  powershell: readScript(import.meta.url, 'delete-file.ps1'),
});
