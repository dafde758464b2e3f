# CreateFile, for one item. Arguments: path, owner, group, mode, overwrite, number of bytes.
function Item {
  $path, $overwrite, $bytes = $args[0], $args[4], [int64]$args[5]
  if ($args[1] -or $args[2]) { Fail "owner and group do not exist on Windows" }
  if (Test-Path -LiteralPath $path -PathType Container) { Fail "$path is a folder" }
  if ($overwrite -eq 'false' -and (Test-Path -LiteralPath $path)) { Fail "$path exists, and overwrite is false" }
  Parents $path
  [IO.File]::WriteAllBytes($path, (Content $bytes))
}
