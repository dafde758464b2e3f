# Part of S3Download: checks the destination of an object, and makes the folders above it where the step may.
# Arguments: path, overwrite, whether folders are made.
function Item {
  $path, $overwrite, $make = $args
  if (Test-Path -LiteralPath $path -PathType Container) {
    Fail "$path is a folder; the destination must include the name of the file"
  }
  if ($overwrite -eq 'false' -and (Test-Path -LiteralPath $path)) { Fail "$path exists, and overwrite is false" }
  if ($make -eq 'true') { Parents $path; return }
  $above = Split-Path -Parent $path
  if ($above -and -not (Test-Path -LiteralPath $above -PathType Container)) {
    Fail "the folder $above does not exist; S3Download makes none"
  }
}
