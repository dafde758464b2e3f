# DeleteFile, for one item. Arguments: path, and its last part as a pattern when it is one.
function Item {
  $path, $pattern = $args
  if ($pattern) { Matching $path | Where-Object { -not $_.PSIsContainer } | Remove-Item -Force; return }
  if (Test-Path -LiteralPath $path -PathType Container) { Fail "$path is a folder; DeleteFolder deletes folders" }
  if (Test-Path -LiteralPath $path) { Remove-Item -LiteralPath $path -Force }
}
