/** CopyFile. Source: reference, `awstoe.md` section 6. */
import { copyItem, copyPowerShell, copyProgram } from '../kit/copying.ts';
import { fileModule } from '../kit/file-program.ts';

export const copyFile = fileModule({
  name: 'CopyFile',
  platforms: ['Linux', 'Windows', 'macOS'],
  item: copyItem,
  // The old file goes first: what else has it open, or a program that runs from it, keeps it.
  bash: copyProgram('file', 'rm -f -- "$2" || exit 1; (umask 0; exec cp -- "$1" "$2") || exit 1'),
  powershell: copyPowerShell('file', 'Copy-Item -LiteralPath $from -Destination $to -Force'),
});
