# The same as http-transfer.sh. curl gets its configuration below the writer of .NET, which would write a byte order
# mark first.
function Item {
  $what, $path, $insecure, $algorithm, $checksum, $shown, $follow, $tries, $spare, $length = $args
  $config = Content ([int]$length)
  function RunCurl($options) {
    $start = [Diagnostics.ProcessStartInfo]::new('curl.exe', $options)
    $start.UseShellExecute = $false
    $start.RedirectStandardInput = $true; $start.RedirectStandardOutput = $true; $start.RedirectStandardError = $true
    try { $process = [Diagnostics.Process]::Start($start) } catch {
      Fail 'curl.exe is missing in this system, and file transfers need it: Windows Server 2019 and later include it'
    }
    $printed = $process.StandardOutput.ReadToEndAsync(); $errors = $process.StandardError.ReadToEndAsync()
    $process.StandardInput.BaseStream.Write($config, 0, $config.Length); $process.StandardInput.BaseStream.Close()
    $process.WaitForExit()
    return @{ Code = $process.ExitCode; Status = $printed.Result; Said = $errors.Result.Trim() }
  }
  $options = '-q -sS -g --config - --connect-timeout 30 --speed-limit 1 --speed-time 120'
  $options += ' --proto =http,https --write-out %{http_code}'
  if ($insecure -eq 'true') { $options += ' --insecure' }
  $limit = 1048576
  if ($what -eq 'get') {
    $answer = "$path.ingot-download"
    # A share of the network tells no room: its server does.
    $limit = [long]::MaxValue
    try {
      $free = [IO.DriveInfo]::new([IO.Path]::GetPathRoot($path)).AvailableFreeSpace
      $limit = [Math]::Max(1, $free - 1024 * [long]$spare)
    } catch { }
  } else { $answer = [IO.Path]::GetTempFileName() }
  if ($what -eq 'put') { $options += ' --upload-file "' + $path + '"' } else {
    if ($follow -eq 'true') { $options += ' --location --max-redirs 10 --proto-redir =http,https' }
    $options += " --max-filesize $limit"
  }
  $options += ' --output "' + $answer + '"'
  function GiveUp($why) { Remove-Item -LiteralPath $answer -Force -ErrorAction SilentlyContinue; Fail $why }
  for ($try = 1; ; $try++) {
    $ended = RunCurl $options
    if ($ended.Code -eq 0 -and $ended.Status -eq '200') { break }
    $why = $ended.Said
    if ($ended.Code -eq 63) {
      GiveUp "$shown is larger than the $([Math]::Floor($limit / 1048576)) MiB that there is room for"
    }
    if ($ended.Code -eq 0) {
      $body = ''
      if (Test-Path -LiteralPath $answer) { $body = [IO.File]::ReadAllText($answer) -replace '[\r\n\x00]', ' ' }
      $why = "the server answered $($ended.Status): $($body.Substring(0, [Math]::Min(400, $body.Length)))"
      $passes = $ended.Status -match '^(408|429|5..)$'
    } else { $passes = @(1, 3, 22, 23, 26, 60, 77) -notcontains $ended.Code }
    if (-not $passes) { GiveUp "${shown}: $why" }
    if ($try -ge [int]$tries) { GiveUp "${shown}: $why (after $tries tries)" }
    Start-Sleep -Seconds ([Math]::Pow(2, $try - 1))
  }
  if ($what -eq 'ask') {
    $body = [IO.File]::ReadAllBytes($answer)
    $out = [Console]::OpenStandardOutput(); $out.Write($body, 0, $body.Length); $out.Flush()
  }
  if ($what -eq 'get') {
    # An answer without a body leaves no file.
    if (-not (Test-Path -LiteralPath $answer)) { [IO.File]::WriteAllBytes($answer, [byte[]]@()) }
    if ($algorithm) {
      $sum = (Get-FileHash -LiteralPath $answer -Algorithm $algorithm).Hash.ToLowerInvariant()
      if ($sum -ne $checksum) { GiveUp "$shown has another checksum than the one that is expected: $sum by $algorithm" }
    }
    Move-Item -LiteralPath $answer -Destination $path -Force
  } else { Remove-Item -LiteralPath $answer -Force }
}
