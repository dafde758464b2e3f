# Sanitizes a disk before it becomes an image. Argument: the working directory of the recipe.
# shellcheck shell=bash
working_directory=$1
shopt -s nullglob dotglob
faults=0

section() {
  if [ -e "$working_directory/skip_cleanup_$1" ]; then
    echo "Left as they are: $2 (skip_cleanup_$1)"
    return 1
  fi
  echo "Cleaning up: $2"
}
fault() {
  echo "Could not be cleaned up: $1" >&2
  faults=1
}
remove() {
  local path
  for path in "$@"; do
    [ -e "$path" ] || [ -L "$path" ] || continue
    rm -rf --one-file-system -- "$path" || fault "$path"
  done
}
empty() {
  local path
  for path in "$@"; do
    [ -f "$path" ] || continue
    : > "$path" || fault "$path"
  done
}
# Every home folder that the accounts name, and root's.
homes=(/root)
while IFS=: read -r _ _ uid _ _ home _; do
  [ "$uid" -ge 1000 ] 2>/dev/null && [ -d "$home" ] && [ "$home" != / ] && homes+=("$home")
done < /etc/passwd

if section cloudinit_files 'what cloud-init knows of this machine'; then
  # Asking it takes a quarter of a second, so it is not asked where it never ran and nobody added to its clean-up.
  # What Ingot wrote in its place (`first-boot.sh`) goes with the folder below.
  places='/var/lib/cloud'
  if [ -e /run/cloud-init/.ingot ]; then places=''; fi
  traces=$(find $places /var/log/cloud-init.log /var/log/cloud-init-output.log /etc/cloud/clean.d \
    ! -type d ! -path '/var/lib/cloud/seed/*' ! -name README -print -quit 2>/dev/null)
  if [ -n "$traces" ] && command -v cloud-init >/dev/null; then
    cloud-init clean --logs || fault 'the state of cloud-init'
  fi
  # The folder of seeds is the image's own; the rest comes anew with the next instance.
  for path in /var/lib/cloud/*; do [ "$path" = /var/lib/cloud/seed ] || remove "$path"; done
  remove /run/cloud-init/result.json /run/cloud-init/status.json /etc/sudoers.d/90-cloud-init-users \
    /var/log/cloud-init.log /var/log/cloud-init-output.log \
    /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init /etc/udev/rules.d/70-persistent-net.rules
fi

if section instance_files 'the identity of this machine, leases, caches, histories'; then
  if mountpoint -q /etc/machine-id; then umount /etc/machine-id || fault /etc/machine-id; fi
  # What is no file, and is written to, may wait for ever. A link that leads nowhere holds no identity.
  if [ -e /etc/machine-id ]; then
    [ -f /etc/machine-id ] || remove /etc/machine-id
    : > /etc/machine-id || fault /etc/machine-id
  fi
  if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then
    ln -sf /etc/machine-id /var/lib/dbus/machine-id || fault /var/lib/dbus/machine-id
  fi
  if mountpoint -q /etc/hostname; then umount /etc/hostname || fault /etc/hostname; fi
  remove /etc/hostname /etc/.updated /var/.updated \
    /var/lib/misc/postfix.aliasesdb-stamp /var/lib/postfix/master.lock /var/spool/postfix/pid/master.pid
  # When timers last ran here: a machine that starts from the image has not run them.
  remove /var/lib/systemd/timers/stamp-*
  remove /var/lib/systemd/random-seed /boot/efi/loader/random-seed /var/lib/systemd/credential.secret \
    /var/lib/urandom/random-seed
  remove /var/lib/dhcp/*.lease* /var/lib/dhclient/*.lease* /var/lib/dhcpcd/*.lease* /var/lib/NetworkManager/*.lease \
    /var/lib/NetworkManager/secret_key /var/lib/NetworkManager/timestamps
  if command -v apt-get >/dev/null; then
    apt-get clean || fault 'the packages that apt keeps'
    # The indexes stay, as on AWS: a test phase may install a package without fetching them again.
    remove /var/cache/apt/pkgcache.bin /var/cache/apt/srcpkgcache.bin
  fi
  if command -v dnf >/dev/null; then dnf -q clean all || fault 'the packages that dnf keeps'
  elif command -v yum >/dev/null; then yum -q clean all || fault 'the packages that yum keeps'; fi
  for home in "${homes[@]}"; do
    remove "$home/.bash_history" "$home/.zsh_history" "$home/.sh_history" "$home/.lesshst" "$home/.python_history" \
      "$home/.viminfo" "$home/.wget-hsts" "$home/.cache/motd.legal-displayed" "$home/.sudo_as_admin_successful"
  done
fi

if section ssh_files 'ssh host keys and authorized keys'; then
  remove /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
  for home in "${homes[@]}"; do
    remove "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2" "$home/.ssh/known_hosts"
  done
fi

if section toe_files 'folders of the component runner'; then
  remove "$working_directory"/TOE_*
fi

if section ssm_log_files 'logs of the SSM agent'; then
  remove /var/log/amazon/ssm/*
fi

# Last of all, since what was done above is logged as well.
if section instance_log_files 'logs'; then
  # The journal goes on in memory, or it would make its folder again at once.
  if command -v journalctl >/dev/null; then journalctl --relinquish-var >/dev/null 2>&1; fi
  remove /var/log/journal/*
  while IFS= read -r -d '' path; do
    case $path in
      *.gz|*.xz|*.bz2|*.zst|*.[0-9]|*.old|*-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]) remove "$path" ;;
      *) empty "$path" ;;
    esac
  done < <(find /var/log -xdev -type f ! -path '/var/log/journal/*' ! -path '/var/log/amazon/ssm/*' -print0)
fi

sync
exit $faults
