# SetFileEncoding, for one item. Arguments: path, encoding.
function Item {
  $path, $encoding = $args
  if (-not (Test-Path -LiteralPath $path -PathType Leaf)) { Fail "$path does not exist" }
  $strict = [Text.UTF8Encoding]::new($false, $true)
  try { $text = $strict.GetString([IO.File]::ReadAllBytes($path)) } catch { Fail "$path is not text in UTF-8" }
  $to = switch ($encoding) {
    'UTF-8' { [Text.UTF8Encoding]::new($false) }
    'UTF-16LE' { [Text.UnicodeEncoding]::new($false, $false) }
    'UTF-16BE' { [Text.UnicodeEncoding]::new($true, $false) }
    'UTF-32LE' { [Text.UTF32Encoding]::new($false, $false) }
    'UTF-32BE' { [Text.UTF32Encoding]::new($true, $false) }
  }
  [IO.File]::WriteAllBytes($path, $to.GetBytes($text))
}
