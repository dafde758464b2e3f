# Part of S3Download: checks that a folder exists. Argument: path.
function Item {
  if (-not (Test-Path -LiteralPath $args[0] -PathType Container)) {
    Fail "the folder $($args[0]) does not exist; S3Download makes none"
  }
}
