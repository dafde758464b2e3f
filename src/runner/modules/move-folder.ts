/** MoveFolder: with all that is in it. Source: reference, `awstoe.md` section 6. */
import { copyItem, copyPowerShell, copyProgram } from '../kit/copying.ts';
import { fileModule } from '../kit/file-program.ts';

export const moveFolder = fileModule({
  name: 'MoveFolder',
  platforms: ['Linux', 'Windows', 'macOS'],
  item: copyItem,
  bash: copyProgram(
    'folder',
    'if [ -d "$2" ]; then cp -RPp -- "$1/." "$2/" && rm -rf -- "$1" || exit 1; else mv -- "$1" "$2" || exit 1; fi',
  ),
  powershell: copyPowerShell(
    'folder',
    'if (Test-Path -LiteralPath $to) {\n    Get-ChildItem -LiteralPath $from -Force | Copy-Item -Destination $to ' +
      '-Recurse -Force\n    Remove-Item -LiteralPath $from -Recurse -Force\n  } else { Move-Item -LiteralPath $from ' +
      '-Destination $to }',
  ),
});
