# CreateFolder, for one item. Arguments: path, owner, group, mode, overwrite.
function Item {
  $path, $owner, $group, $permissions, $overwrite = $args
  if ($owner -or $group -or $permissions) { Fail "owner, group and permissions do not exist on Windows" }
  if (Test-Path -LiteralPath $path -PathType Leaf) { Fail "$path exists and is not a folder" }
  if ($overwrite -eq 'false' -and (Test-Path -LiteralPath $path)) { Fail "$path exists, and overwrite is false" }
  [void][IO.Directory]::CreateDirectory($path)
}
