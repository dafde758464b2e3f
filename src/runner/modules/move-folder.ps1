# MoveFolder, for one item: see copying.ps1, which calls this function.
$kind, $type = 'folder', 'Container'
function One($from, $to) {
  if (Test-Path -LiteralPath $to) {
    Get-ChildItem -LiteralPath $from -Force | Copy-Item -Destination $to -Recurse -Force
    Remove-Item -LiteralPath $from -Recurse -Force
  } else { Move-Item -LiteralPath $from -Destination $to }
}
# @COPYING_POWERSHELL@
