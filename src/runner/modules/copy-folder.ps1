# CopyFolder, for one item: see copying.ps1, which calls this function.
$kind, $type = 'folder', 'Container'
function One($from, $to) {
  if (-not (Test-Path -LiteralPath $to)) { [void](New-Item -ItemType Directory -Path $to) }
  Get-ChildItem -LiteralPath $from -Force | Copy-Item -Destination $to -Recurse -Force
}
# @COPYING_POWERSHELL@
