# What cloud-init leaves behind when it has started an instance, for a disk on which it is off: `first-boot.ts`.
# Arguments: the instance's id, Region, Availability Zone, and the data of the source as JSON.
# shellcheck shell=sh
id=$1 region=$2 zone=$3 source=$4
run=/run/cloud-init lib=/var/lib/cloud
[ -e "$run/disabled" ] && ! [ -e /etc/cloud/cloud-init.disabled ] || exit 0
umask 022
word() { printf %s "$1" | tr -dc 'A-Za-z0-9._+:~-'; }
of_release() { word "$(sed -n "s/^$1=//p" /etc/os-release | head -n 1)"; }
up=$(cut -d ' ' -f 1 /proc/uptime)
now=$(date +%s)
name=$(word "$(hostname)")
mkdir -p "$lib/data" "$lib/instances/$id/sem" "$lib/sem" "$lib/scripts/per-boot" \
  "$lib/scripts/per-instance" "$lib/scripts/per-once" || exit 1
ln -sfn "$lib/instances/$id" "$lib/instance"
echo 'DataSourceEc2Local: DataSourceEc2Local' >"$lib/instance/datasource"
# `cloud-init query` wants them.
(umask 077; for file in user-data vendor-data vendor-data2 cloud-config; do : >"$lib/instance/$file.txt"; done)
echo "$id" >"$lib/data/instance-id"
echo "$id" >"$run/.instance-id"
stage() { printf '"%s": {"errors": [], "finished": %s, "start": %s}' "$1" "$now" "$now"; }
printf '{"v1": {"datasource": "DataSourceEc2Local", %s, %s, %s, %s, "stage": null}}\n' "$(stage init)" \
  "$(stage init-local)" "$(stage modules-config)" "$(stage modules-final)" >"$lib/data/status.json"
echo '{"v1": {"datasource": "DataSourceEc2Local", "errors": []}}' >"$lib/data/result.json"
ln -sf "$lib/data/status.json" "$lib/data/result.json" "$run/"
distro=$(of_release ID)
cat >"$run/instance-data.json" <<END
{
 "base64_encoded_keys": [],
 "ds": $source,
 "sensitive_keys": [],
 "v1": {
  "_beta_keys": ["subplatform"],
  "availability-zone": "$zone", "availability_zone": "$zone",
  "cloud-name": "aws", "cloud_id": "aws", "cloud_name": "aws", "platform": "ec2",
  "distro": "$distro", "distro_release": "$(of_release VERSION_CODENAME)",
  "distro_version": "$(of_release VERSION_ID)", "variant": "$distro",
  "instance-id": "$id", "instance_id": "$id",
  "kernel_release": "$(word "$(uname -r)")", "machine": "$(word "$(uname -m)")", "system_platform": "Linux",
  "local-hostname": "$name", "local_hostname": "$name",
  "public_ssh_keys": [], "region": "$region", "subplatform": "metadata (http://169.254.169.254)"
 }
}
END
(umask 077; cp "$run/instance-data.json" "$run/instance-data-sensitive.json")
echo aws >"$run/cloud-id-aws"
ln -sf "$run/cloud-id-aws" "$run/cloud-id"
mv -f "$run/disabled" "$run/enabled"
# Its generator would say at each `daemon-reload` that it is off: to a link that leads nowhere it cannot.
ln -s none/none "$run/disabled"
: >"$run/.ingot"
# Last of all: whoever waits for it finds the rest.
echo "$up - $(date -R) - nothing to do" >"$lib/instance/boot-finished"
