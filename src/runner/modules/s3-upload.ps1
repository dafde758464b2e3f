# Part of S3Upload: prints size, path and name below the destination of each file, each with a NUL behind it; files
# of a folder only when it recurses. Arguments: path, its last part as a pattern when it is one, recurse.
function Item {
  $source, $pattern, $recurse = $args
  function One($file, $name) {
    [Console]::Out.Write("$($file.Length)" + [char]0 + $file.FullName + [char]0 + $name + [char]0)
  }
  function Folder($path, $before) {
    foreach ($each in @(Get-ChildItem -LiteralPath $path -Recurse -File -Force | Sort-Object FullName)) {
      One $each ($before + $each.FullName.Substring($path.TrimEnd('\').Length + 1).Replace('\', '/'))
    }
  }
  if ($pattern) {
    $found = @(Matching $source)
    if ($found.Count -eq 0) { Fail "nothing matches $source" }
    foreach ($each in $found) {
      if (-not $each.PSIsContainer) { One $each $each.Name }
      elseif ($recurse -eq 'true') { Folder $each.FullName "$($each.Name)/" }
    }
  } elseif (Test-Path -LiteralPath $source -PathType Container) {
    if ($recurse -eq 'false') { Fail "$source is a folder; recurse: true sends what is in it" }
    Folder (Get-Item -LiteralPath $source -Force).FullName ''
  } else {
    if (-not (Test-Path -LiteralPath $source)) { Fail "$source does not exist" }
    One (Get-Item -LiteralPath $source -Force) ''
  }
}
