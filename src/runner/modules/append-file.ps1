# AppendFile, for one item. Arguments: path, number of bytes.
function Item {
  $path, $bytes = $args[0], [int64]$args[1]
  if (-not (Test-Path -LiteralPath $path -PathType Leaf)) { Fail "$path does not exist; CreateFile makes files" }
  $file = [IO.File]::Open($path, 'Append')
  try { $content = Content $bytes; $file.Write($content, 0, $content.Length) } finally { $file.Close() }
}
