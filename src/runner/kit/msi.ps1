# Checks the signature of an installer, runs msiexec and prints its exit code. Arguments: path, log file, whether the
# signature has to be valid, whether an unsigned installer is allowed, arguments of msiexec.
function Item {
  $path, $log, $check, $unsigned, $rest = $args
  if (-not (Test-Path -LiteralPath $path -PathType Leaf)) { Fail "$path does not exist" }
  $signature = (Get-AuthenticodeSignature -LiteralPath $path).Status
  if ($signature -eq 'NotSigned') {
    if ($unsigned -ne 'true') { Fail "$path is not signed, and allowUnsignedInstaller is false" }
  } elseif ($signature -ne 'Valid' -and $check -eq 'true') { Fail "the signature of $path is not valid: $signature" }
  Parents $log
  $process = Start-Process -FilePath msiexec.exe -ArgumentList (@($rest) + ('"' + $path + '"')) -Wait -PassThru
  [Console]::Out.WriteLine("exit $($process.ExitCode)")
}
