# Part of WebDownload: makes the folders above the destination; prints `there` when the file is there already with the
# checksum. Arguments: path, overwrite, algorithm, checksum.
function Item {
  $path, $overwrite, $algorithm, $checksum = $args
  if (Test-Path -LiteralPath $path -PathType Container) {
    Fail "$path is a folder; a destination that ends in \ takes the file into it"
  }
  if (Test-Path -LiteralPath $path) {
    if ($overwrite -eq 'false') { Fail "$path exists, and overwrite is false" }
    if ($algorithm -and (Get-FileHash -LiteralPath $path -Algorithm $algorithm).Hash -eq $checksum) {
      [Console]::Out.Write('there')
    }
  }
  Parents $path
}
