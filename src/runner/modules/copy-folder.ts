/** CopyFolder: with its whole content; symbolic links stay links. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import { COPYING, COPYING_POWERSHELL, copyItem } from '../kit/copying.ts';
import { fileModule } from '../kit/file-program.ts';

export const copyFolder = fileModule({
  name: 'CopyFolder',
  platforms: ['Linux', 'Windows', 'macOS'],
  item: copyItem,
  bash: readScript(import.meta.url, 'copy-folder.sh', { COPYING }),
  powershell: readScript(import.meta.url, 'copy-folder.ps1', { COPYING_POWERSHELL }),
});
