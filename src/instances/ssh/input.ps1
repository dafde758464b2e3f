# Part of the other programs: reads the JSON on stdin.
$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue'
$q=[IO.StreamReader]::new([Console]::OpenStandardInput(),[Text.UTF8Encoding]::new($false)).ReadToEnd()|
ConvertFrom-Json
