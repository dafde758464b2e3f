/** CopyFolder: with all that is in it; symbolic links stay links. Source: reference, `awstoe.md` section 6. */
import { copyItem, copyPowerShell, copyProgram } from '../kit/copying.ts';
import { fileModule } from '../kit/file-program.ts';

export const copyFolder = fileModule({
  name: 'CopyFolder',
  platforms: ['Linux', 'Windows', 'macOS'],
  item: copyItem,
  bash: copyProgram('folder', 'mkdir -p -- "$2" || exit 1; (umask 0; exec cp -RP -- "$1/." "$2/") || exit 1'),
  powershell: copyPowerShell(
    'folder',
    'if (-not (Test-Path -LiteralPath $to)) { [void](New-Item -ItemType Directory -Path $to) }\n  Get-ChildItem ' +
      '-LiteralPath $from -Force | Copy-Item -Destination $to -Recurse -Force',
  ),
});
