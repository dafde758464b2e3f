# Part of CopyFile, MoveFile, CopyFolder and MoveFolder. They set $kind and $type (of Test-Path), and define `One`,
# which copies or moves one of them. Arguments: as for copying.sh.
function Checked($from, $to) {
  if ($overwrite -eq 'false' -and (Test-Path -LiteralPath $to)) { Fail "$to exists, and overwrite is false" }
  if ((Test-Path -LiteralPath $to) -and -not (Test-Path -LiteralPath $to -PathType $type)) {
    Fail "$to is not a $kind"
  }
  Parents $to
  One $from $to
}
function Item {
  $source, $destination, $into, $pattern, $overwrite = $args
  if ($pattern) {
    if ($into -eq 'false' -and -not (Test-Path -LiteralPath $destination -PathType Container)) {
      Fail "$destination is not a folder"
    }
    $found = @(Matching $source | Where-Object { $_.PSIsContainer -eq ($type -eq 'Container') })
    if ($found.Count -eq 0) { Fail "no $kind matches $source" }
    foreach ($each in $found) { Checked $each.FullName (Join-Path $destination $each.Name) }
    return
  }
  if (-not (Test-Path -LiteralPath $source -PathType $type)) { Fail "$source does not exist, or is not a $kind" }
  if ($into -eq 'true') { Checked $source (Join-Path $destination (Split-Path -Leaf $source)) }
  else { Checked $source $destination }
}
