/** MoveFile. Source: reference, `awstoe.md` section 6. */
import { copyItem, copyPowerShell, copyProgram } from '../kit/copying.ts';
import { fileModule } from '../kit/file-program.ts';

export const moveFile = fileModule({
  name: 'MoveFile',
  platforms: ['Linux', 'Windows', 'macOS'],
  item: copyItem,
  bash: copyProgram('file', 'mv -f -- "$1" "$2" || exit 1'),
  powershell: copyPowerShell('file', 'Move-Item -LiteralPath $from -Destination $to -Force'),
});
