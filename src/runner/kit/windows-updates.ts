/**
 * UpdateOS on Windows: the Windows Update Agent, asked by a task of the system, since it refuses whoever came over a
 * network.
 */
import { mapOf, texts } from './inputs.ts';
import { ending, InputError, type AttemptContext, type AttemptResult } from '../module.ts';
import { LIKE, runPowerShell } from './powershell.ts';

/** What the task says at its end. */
interface UpdateEnd {
  /** Titles of updates, each with why it was not installed. */
  readonly failed: readonly string[];
  /** A restart is due before anything else can be installed. */
  readonly restart: boolean;
}

/**
 * Installs updates until there are none, restarting between them when one asks for it.
 * Source of include and exclude, KB numbers or titles with `*`: reference, `awstoe.md` section 6.
 */
export async function updateWindows(context: AttemptContext): Promise<AttemptResult> {
  const inputs = mapOf(context.inputs);
  const names = (input: string): string => JSON.stringify(texts(inputs, input).map((name) => updateName(input, name)));
  const content = Buffer.from(TASK);
  const ended = await runPowerShell(context, {
    program: PROGRAM,
    fields: [[names('include'), names('exclude'), String(content.length)]],
    content,
    what: 'the update of Windows',
    shown: true,
  });
  if (ended.exitCode !== 0) return { result: 'failed', message: ended.stderr || `UpdateOS: ${ending(ended)}` };
  const end = readEnd(ended.stdout ?? '');
  if (end === undefined) return { result: 'failed', message: 'UpdateOS: the update ended without an answer' };
  // What a pending restart kept from being installed is tried again after it.
  if (end.restart) return { result: 'reboot', resume: 'same-step' };
  if (end.failed.length > 0)
    return { result: 'failed', message: `these updates could not be installed: ${end.failed.join('; ')}` };
  return { result: 'success' };
}

/** A KB number, with or without its letters, or a title with `*`. @throws {InputError} */
function updateName(input: string, name: string): string {
  const trimmed = name.trim();
  if (trimmed === '' || /[\r\n\0]/.test(trimmed))
    throw new InputError(`${input}: "${name}" is neither a KB number nor a title of an update`);
  return /^\d+$/.test(trimmed) ? `KB${trimmed}` : trimmed;
}

/** What stands behind `end ` in the last line. */
function readEnd(stdout: string): UpdateEnd | undefined {
  const text = /^end (\{.*\})\s*$/m.exec(stdout)?.[1];
  if (text === undefined) return undefined;
  const { failed, restart } = JSON.parse(text) as { readonly failed?: unknown; readonly restart?: unknown };
  return { failed: Array.isArray(failed) ? failed.map(String) : [], restart: restart === true };
}

/** Registers the task, shows what it writes, and takes it away. */
const PROGRAM = `
$include, $exclude, $length = $args
$name = 'Ingot-UpdateOS-' + [Guid]::NewGuid().ToString('N')
$file = Join-Path $env:SystemRoot "Temp\\$name.ps1"
[IO.File]::WriteAllBytes($file, (Content ([int]$length)))
[IO.File]::WriteAllText("$file.log", '')
$asked = @{ include = @($include | ConvertFrom-Json | ForEach-Object { $_ }); exclude = @($exclude | ConvertFrom-Json | ForEach-Object { $_ }); asker = $PID }
[IO.File]::WriteAllText("$file.json", (ConvertTo-Json $asked))
try {
  $action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument ('-NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -File "' + $file + '"')
  $principal = New-ScheduledTaskPrincipal -UserId 'S-1-5-18' -LogonType ServiceAccount -RunLevel Highest
  $settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -ExecutionTimeLimit ([TimeSpan]::Zero)
  try { [void](Register-ScheduledTask -TaskName $name -Action $action -Principal $principal -Settings $settings) } catch { Fail "UpdateOS needs an administrator: $($_.Exception.Message)" }
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
`;

/**
 * The task. It takes the updates one by one, so that each is told, and stops, and tidies up, when whoever asked is
 * gone: an update that has begun cannot be ended.
 */
const TASK = `
$ErrorActionPreference = 'Stop'
$file = $PSCommandPath
$asked = [IO.File]::ReadAllText("$file.json") | ConvertFrom-Json
function Say($text) { [IO.File]::AppendAllText("$file.log", "$text$([char]10)") }
function Finish($failed, $restart) { Say ('end ' + (ConvertTo-Json -Compress @{ failed = @($failed); restart = $restart })) }
${LIKE}
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
      if ($update.InstallationBehavior.CanRequestUserInput) { Say "left out, since it may ask a user: $($update.Title)"; continue }
      $wanted += $update
    }
    if ($wanted.Count -eq 0) { Say 'nothing more to update'; break }
    # Most installations fail while a restart is due.
    if ((New-Object -ComObject Microsoft.Update.SystemInfo).RebootRequired) { Say 'a restart is due first'; Finish $failed $true; exit 0 }
    $restart = $false
    for ($at = 0; $at -lt $wanted.Count; $at++) {
      if (-not (Get-Process -Id $asked.asker -ErrorAction SilentlyContinue)) {
        Unregister-ScheduledTask -TaskName ([IO.Path]::GetFileNameWithoutExtension($file)) -Confirm:$false -ErrorAction SilentlyContinue
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
`;
