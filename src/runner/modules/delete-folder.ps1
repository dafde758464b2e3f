# DeleteFolder, for one item. Arguments: path, force.
function Item {
  $path, $force = $args
  if (-not (Test-Path -LiteralPath $path)) { return }
  if (-not (Test-Path -LiteralPath $path -PathType Container)) { Fail "$path is not a folder" }
  if ($force -ne 'true' -and (Get-ChildItem -LiteralPath $path -Force | Select-Object -First 1)) {
    Fail "$path is not empty, and force is false"
  }
  Remove-Item -LiteralPath $path -Recurse -Force
}
