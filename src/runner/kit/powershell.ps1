# What each program for Windows begins with: what its function `Item` finds.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
[Console]::OutputEncoding = [Text.UTF8Encoding]::new($false)
function Fail($message) { [Console]::Error.WriteLine($message); exit 1 }
function Parents($path) {
  $above = Split-Path -Parent $path
  if ($above -and -not (Test-Path -LiteralPath $above)) { [void](New-Item -ItemType Directory -Force -Path $above) }
}
# @LIKE@
function Matching($path) {
  $folder = [IO.Path]::GetDirectoryName($path)
  $pattern = Like ([IO.Path]::GetFileName($path))
  if (Test-Path -LiteralPath $folder -PathType Container) {
    Get-ChildItem -LiteralPath $folder -Force | Where-Object { $pattern.IsMatch($_.Name) }
  }
}
$reader = [IO.StreamReader]::new([Console]::OpenStandardInput(), [Text.UTF8Encoding]::new($false))
$call = $reader.ReadToEnd() | ConvertFrom-Json
$bytes = [Convert]::FromBase64String($call.content)
$script:taken = 0
function Content($count) {
  $part = [byte[]]::new($count)
  [Array]::Copy($bytes, $script:taken, $part, 0, $count)
  $script:taken += $count
  return ,$part
}
