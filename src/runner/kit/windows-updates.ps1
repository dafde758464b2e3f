# UpdateOS: registers a task of the system, shows what that writes, and removes it. Arguments: include and exclude as
# JSON lists, bytes of the task.
function Item {
  $include, $exclude, $length = $args
  $name = 'Ingot-UpdateOS-' + [Guid]::NewGuid().ToString('N')
  $file = Join-Path $env:SystemRoot "Temp\$name.ps1"
  [IO.File]::WriteAllBytes($file, (Content ([int]$length)))
  [IO.File]::WriteAllText("$file.log", '')
  $asked = @{
    include = @($include | ConvertFrom-Json | ForEach-Object { $_ })
    exclude = @($exclude | ConvertFrom-Json | ForEach-Object { $_ })
    asker = $PID
  }
  [IO.File]::WriteAllText("$file.json", (ConvertTo-Json $asked))
  try {
    $arguments = '-NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -File "' + $file + '"'
    $action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument $arguments
    $principal = New-ScheduledTaskPrincipal -UserId 'S-1-5-18' -LogonType ServiceAccount -RunLevel Highest
    $limitless = @{ AllowStartIfOnBatteries = $true; DontStopIfGoingOnBatteries = $true }
    $settings = New-ScheduledTaskSettingsSet @limitless -ExecutionTimeLimit ([TimeSpan]::Zero)
    try {
      [void](Register-ScheduledTask -TaskName $name -Action $action -Principal $principal -Settings $settings)
    } catch { Fail "UpdateOS needs an administrator: $($_.Exception.Message)" }
    Start-ScheduledTask -TaskName $name
    $shown = 0
    $ran = $false
    $waited = [Diagnostics.Stopwatch]::StartNew()
    do {
      Start-Sleep -Milliseconds 500
      $runs = (Get-ScheduledTask -TaskName $name).State -ne 'Ready'
      $ran = $ran -or $runs -or $shown -gt 0
      $stream = [IO.File]::Open("$file.log", 'Open', 'Read', 'ReadWrite')
      [void]$stream.Seek($shown, 'Begin')
      $new = [byte[]]::new($stream.Length - $shown)
      $shown += $stream.Read($new, 0, $new.Length)
      $stream.Close()
      [Console]::Out.Write([Text.Encoding]::UTF8.GetString($new))
    } while ($runs -or (-not $ran -and $waited.Elapsed.TotalSeconds -lt 60))
  } finally {
    Unregister-ScheduledTask -TaskName $name -Confirm:$false -ErrorAction SilentlyContinue
    Remove-Item -Path "$file*" -Force -ErrorAction SilentlyContinue
  }
}
