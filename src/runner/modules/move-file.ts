/** MoveFile. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import { COPYING, COPYING_POWERSHELL, copyItem } from '../kit/copying.ts';
import { fileModule } from '../kit/file-program.ts';

export const moveFile = fileModule({
  name: 'MoveFile',
  platforms: ['Linux', 'Windows', 'macOS'],
  item: copyItem,
  bash: readScript(import.meta.url, 'move-file.sh', { COPYING }),
  powershell: readScript(import.meta.url, 'move-file.ps1', { COPYING_POWERSHELL }),
});
