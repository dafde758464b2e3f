# MoveFile, for one item: see copying.ps1, which calls this function.
$kind, $type = 'file', 'Leaf'
function One($from, $to) {
  Move-Item -LiteralPath $from -Destination $to -Force
}
# @COPYING_POWERSHELL@
