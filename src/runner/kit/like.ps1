# A name in which only * is special, as a pattern of PowerShell's.
function Like($name) {
  $escaped = [Management.Automation.WildcardPattern]::Escape($name).Replace('`*', '*')
  [Management.Automation.WildcardPattern]::new($escaped, 'IgnoreCase')
}
