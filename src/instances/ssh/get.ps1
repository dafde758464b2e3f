# Prints a file.
# @INPUT@
$f=[IO.FileInfo]::new($q.path)
if(-not $f.Exists){[Console]::Error.WriteLine('no such file');exit 1}
if($f.Length -gt $q.limit){[Console]::Error.WriteLine('larger than 16 MiB');exit 1}
$b=[IO.File]::ReadAllBytes($q.path);$o=[Console]::OpenStandardOutput();$o.Write($b,0,$b.Length);$o.Flush()
exit 0
