/** MoveFolder: with its whole content. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import { COPYING, COPYING_POWERSHELL, copyItem } from '../kit/copying.ts';
import { fileModule } from '../kit/file-program.ts';

export const moveFolder = fileModule({
  name: 'MoveFolder',
  platforms: ['Linux', 'Windows', 'macOS'],
  item: copyItem,
  bash: readScript(import.meta.url, 'move-folder.sh', { COPYING }),
  powershell: readScript(import.meta.url, 'move-folder.ps1', { COPYING_POWERSHELL }),
});
