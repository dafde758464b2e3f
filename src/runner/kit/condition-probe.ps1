# Answers a condition by yes or no, or the hash. Arguments: as for condition-probe.sh.
function YesOrNo($holds) { if ($holds) { 'yes' } else { 'no' } }
function Item {
  $what, $value, $algorithm = $args
  switch ($what) {
    'binary' { where.exe /Q $value; YesOrNo ($LASTEXITCODE -eq 0) }
    'file' { YesOrNo (Test-Path -LiteralPath $value -PathType Leaf) }
    'folder' { YesOrNo (Test-Path -LiteralPath $value -PathType Container) }
    'hash' {
      if (-not (Test-Path -LiteralPath $value -PathType Leaf)) { return 'no' }
      (Get-FileHash -LiteralPath $value -Algorithm $algorithm).Hash.ToLowerInvariant()
    }
  }
}
