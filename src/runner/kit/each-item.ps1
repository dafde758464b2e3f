# What each program for Windows ends with: calls its function `Item` for each item.
try { foreach ($item in $call.items) { $fields = @($item.fields); Item @fields } } catch { Fail $_.Exception.Message }
