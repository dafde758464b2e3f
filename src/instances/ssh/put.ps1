# Writes a file, complete or not at all, and the folders above it.
# @INPUT@
$above=Split-Path -Parent $q.path
if($above -and -not(Test-Path -LiteralPath $above)){[void](New-Item -ItemType Directory -Force -Path $above)}
$new=$q.path+'.put'
[IO.File]::WriteAllBytes($new,[Convert]::FromBase64String($q.content))
Move-Item -Force -LiteralPath $new -Destination $q.path
exit 0
