# The task of UpdateOS. It installs the updates one by one, so that each is reported. When whoever asked is gone it
# stops and cleans up: an update that has begun cannot be ended.
$ErrorActionPreference = 'Stop'
$file = $PSCommandPath
$asked = [IO.File]::ReadAllText("$file.json") | ConvertFrom-Json
function Say($text) { [IO.File]::AppendAllText("$file.log", "$text$([char]10)") }
function Finish($failed, $restart) {
  Say ('end ' + (ConvertTo-Json -Compress @{ failed = @($failed); restart = $restart }))
}
# @LIKE@
function Means($name, $update) {
  if ($name -match '^KB[0-9]+$') { return @($update.KBArticleIDs | ForEach-Object { "KB$_" }) -contains $name }
  return (Like $name).IsMatch($update.Title)
}
function Asked($names, $update) { return @($names | Where-Object { Means $_ $update }).Count -gt 0 }
function Code($number) { return '0x{0:X8}' -f $number }
try {
  $session = New-Object -ComObject Microsoft.Update.Session
  $session.ClientApplicationID = 'Ingot UpdateOS'
  # What is optional is installed when it is asked for by name.
  $criteria = "IsInstalled=0 and IsHidden=0 and Type='Software'"
  if (@($asked.include).Count -eq 0) { $criteria += ' and BrowseOnly=0' }
  $tried = @{}
  $failed = @()
  for (;;) {
    Say 'looking for updates'
    $wanted = @()
    foreach ($update in $session.CreateUpdateSearcher().Search($criteria).Updates) {
      if ($tried.ContainsKey($update.Identity.UpdateID)) { continue }
      if (@($asked.include).Count -gt 0 -and -not (Asked $asked.include $update)) { continue }
      if (Asked $asked.exclude $update) { Say "excluded: $($update.Title)"; continue }
      if ($update.InstallationBehavior.CanRequestUserInput) {
        Say "left out, since it may ask a user: $($update.Title)"
        continue
      }
      $wanted += $update
    }
    if ($wanted.Count -eq 0) { Say 'nothing more to update'; break }
    # Most installations fail while a restart is due.
    if ((New-Object -ComObject Microsoft.Update.SystemInfo).RebootRequired) {
      Say 'a restart is due first'
      Finish $failed $true
      exit 0
    }
    $restart = $false
    for ($at = 0; $at -lt $wanted.Count; $at++) {
      if (-not (Get-Process -Id $asked.asker -ErrorAction SilentlyContinue)) {
        $name = [IO.Path]::GetFileNameWithoutExtension($file)
        Unregister-ScheduledTask -TaskName $name -Confirm:$false -ErrorAction SilentlyContinue
        Remove-Item -Path "$file*" -Force
        exit 0
      }
      $update = $wanted[$at]
      $tried[$update.Identity.UpdateID] = $true
      Say "installing $($at + 1) of $($wanted.Count): $($update.Title)"
      try {
        if (-not $update.EulaAccepted) { $update.AcceptEula() }
        $one = New-Object -ComObject Microsoft.Update.UpdateColl
        [void]$one.Add($update)
        if (-not $update.IsDownloaded) {
          $downloader = $session.CreateUpdateDownloader()
          $downloader.Updates = $one
          $got = $downloader.Download()
          if ($got.ResultCode -ne 2) { throw "it could not be fetched ($(Code ($got.GetUpdateResult(0).HResult)))" }
        }
        $installer = $session.CreateUpdateInstaller()
        $installer.Updates = $one
        $done = $installer.Install()
        if ($done.RebootRequired) { $restart = $true }
        if ($done.ResultCode -ne 2) { throw "it could not be installed ($(Code ($done.GetUpdateResult(0).HResult)))" }
      } catch {
        Say "$($update.Title): $($_.Exception.Message)"
        $failed += "$($update.Title): $($_.Exception.Message)"
      }
    }
    if ($restart) { Finish $failed $true; exit 0 }
  }
  Finish $failed $false
} catch {
  Finish @("$($_.Exception.Message)") $false
}
