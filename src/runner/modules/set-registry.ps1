# SetRegistry, for one item. Arguments: key, name, kind, value as a JSON list.
function Item {
  $path, $name, $kind, $value = $args[0], $args[1], $args[2], ($args[3] | ConvertFrom-Json)
  $typed = switch ($kind) {
    'Binary' { [byte[]]@($value) }
    'DWord' { [BitConverter]::ToInt32([BitConverter]::GetBytes([uint32]$value[0]), 0) }
    'QWord' { [BitConverter]::ToInt64([BitConverter]::GetBytes([uint64]$value[0]), 0) }
    'MultiString' { [string[]]@($value) }
    default { [string]$value[0] }
  }
  [Microsoft.Win32.Registry]::SetValue($path, $name, $typed, [Microsoft.Win32.RegistryValueKind]::$kind)
}
