# Writes one part of a file that Ingot keeps. Arguments: path, number of the part from 0, whether it is the last,
# SHA-256 of the whole, mode, whether it is a folder's archive (whose files go below the path), whether files that are
# there are replaced, bytes of the part.
function Item {
  $path, $part, $last, $sum, $mode, $archive, $overwrite, $count = $args
  if ($archive -eq 'true') { $folder = $path } else { $folder = Split-Path -Parent $path }
  $partial = Join-Path $folder ".ingot-file-$($sum.Substring(0, 32))"
  if ($part -eq '0') { $how = [IO.FileMode]::Create } else { $how = [IO.FileMode]::Append }
  $bytes = Content ([int]$count)
  $stream = [IO.File]::Open($partial, $how)
  try { $stream.Write($bytes, 0, $bytes.Length) } finally { $stream.Dispose() }
  if ($last -ne 'true') { return }
  try {
    $found = (Get-FileHash -LiteralPath $partial -Algorithm SHA256).Hash.ToLowerInvariant()
    if ($found -ne $sum) { Fail "${path}: the file changed while it was copied: its SHA-256 is $found, not $sum" }
    if ($archive -eq 'true') {
      $options = @('-x', '-f', $partial, '-C', $folder)
      if ($overwrite -ne 'true') { $options += '-k' }
      & tar.exe @options
      if ($LASTEXITCODE -ne 0) { Fail "${path}: tar.exe ended with exit code $LASTEXITCODE" }
    } else {
      Move-Item -LiteralPath $partial -Destination $path -Force
    }
  } finally {
    if (Test-Path -LiteralPath $partial) { Remove-Item -LiteralPath $partial -Force }
  }
}
