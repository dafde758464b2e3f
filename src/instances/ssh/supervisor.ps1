# Runs a command with a deadline, and says what became of it.
# @INPUT@
function Say($what){[Console]::Error.Write([string][char]30+$q.mark+' '+$what+[char]10)}
$s=[Diagnostics.ProcessStartInfo]::new($q.program,$q.arguments)
$s.UseShellExecute=$false;$s.RedirectStandardInput=$true;$s.WorkingDirectory=$q.cwd
foreach($e in $q.env){$s.EnvironmentVariables[$e.name]=$e.value}
try{$p=[Diagnostics.Process]::Start($s)}catch{
$e=$_.Exception;while($e.InnerException){$e=$e.InnerException}
[Console]::Error.WriteLine($q.program+': '+$e.Message)
if($e.NativeErrorCode -eq 2){Say 'exited 127'}else{Say 'exited 126'}
exit 0}
Say "pid $($p.Id)"
$b=[Convert]::FromBase64String($q.stdin);$w=$p.StandardInput.BaseStream.WriteAsync($b,0,$b.Length)
$t=[Diagnostics.Stopwatch]::StartNew()
while(-not $p.WaitForExit(20)){
if($w -and $w.IsCompleted){try{$p.StandardInput.BaseStream.Close()}catch{};$w=$null}
if($q.milliseconds -ge 0 -and $t.ElapsedMilliseconds -ge $q.milliseconds){
taskkill.exe /T /F /PID $p.Id 2>&1|Out-Null;Say 'deadline';exit 0}}
Say "exited $($p.ExitCode)"
exit 0
