# ReadFile, for one item. Arguments: path.
# Prints each file behind a line with its size.
function Item {
  $path = $args[0]
  if (-not (Test-Path -LiteralPath $path -PathType Leaf)) { Fail "$path does not exist" }
  $content = [IO.File]::ReadAllBytes($path)
  $out = [Console]::OpenStandardOutput()
  $head = [Text.Encoding]::ASCII.GetBytes("$($content.Length)`n")
  $out.Write($head, 0, $head.Length)
  $out.Write($content, 0, $content.Length)
  $out.Flush()
}
