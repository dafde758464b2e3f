# ListFiles, for one item. Arguments: path, pattern of names, recursive.
# The names of an item end with an empty one.
function Item {
  $path, $pattern, $recursive = $args[0], (Like ($args[1] -replace '\\(.)', '$1')), $args[2]
  if (-not (Test-Path -LiteralPath $path -PathType Container)) { Fail "$path does not exist, or is not a folder" }
  Get-ChildItem -LiteralPath $path -File -Force -Recurse:($recursive -eq 'true') |
    Where-Object { $pattern.IsMatch($_.Name) } |
    ForEach-Object { [Console]::Out.Write($_.FullName + [char]0) }
  [Console]::Out.Write([char]0)
}
