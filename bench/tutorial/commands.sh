#!/bin/bash
# What the components of examples/nginx/template.yaml run in the phases build and validate, with the options that
# UpdateOS gives apt.
# The lines with two colons tell when the first command begins and the last one has ended.
set -eu -o pipefail
export DEBIAN_FRONTEND=noninteractive
apt_options=(-y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold
  -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3
  -o APT::Update::Error-Mode=any -o Dpkg::Use-Pty=0)

echo :: first command
# update-linux
apt-get "${apt_options[@]}" update
apt-get "${apt_options[@]}" dist-upgrade

# nginx: build
apt-get update
apt-get install --yes nginx
cat >/var/www/html/index.html <<'PAGE'
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Golden image</title></head>
<body><h1>Hello from a golden image</h1></body>
</html>
PAGE
if [ -d /run/systemd/system ]; then
  systemctl enable --now nginx
else
  # No system runs in a bare tree: what systemd would start is started by hand.
  systemctl enable nginx
  nginx
fi

# nginx: validate
systemctl is-enabled nginx
curl --fail --silent --show-error http://localhost/ | cmp - /var/www/html/index.html
echo :: last command

if [ ! -d /run/systemd/system ]; then nginx -s stop; fi
