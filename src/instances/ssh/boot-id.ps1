# Prints what changes with each start of the system.
(Get-CimInstance Win32_OperatingSystem).LastBootUpTime.ToUniversalTime().Ticks
exit 0
