/** CopyFile. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import { COPYING, COPYING_POWERSHELL, copyItem } from '../kit/copying.ts';
import { fileModule } from '../kit/file-program.ts';

export const copyFile = fileModule({
  name: 'CopyFile',
  platforms: ['Linux', 'Windows', 'macOS'],
  item: copyItem,
  bash: readScript(import.meta.url, 'copy-file.sh', { COPYING }),
  powershell: readScript(import.meta.url, 'copy-file.ps1', { COPYING_POWERSHELL }),
});
