# Removes what an interrupted copy left. Arguments: path, SHA-256 of the whole, whether it is a folder's archive.
function Item {
  $path, $sum, $archive = $args
  if ($archive -eq 'true') { $folder = $path } else { $folder = Split-Path -Parent $path }
  $partial = Join-Path $folder ".ingot-file-$($sum.Substring(0, 32))"
  if (Test-Path -LiteralPath $partial) { Remove-Item -LiteralPath $partial -Force }
}
