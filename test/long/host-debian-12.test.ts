import { newcomerOn, SOURCE } from '../harness/newcomer.ts';

newcomerOn({
  base: 'debian-12-x86',
  description: 'Debian 12: a user with sudo, Node by hand, git, LVM',
  user: 'admin',
  node: true,
  prepare: `
    apt-get update -q && apt-get install -y -q --no-install-recommends git lvm2
    useradd --create-home --shell /bin/bash admin && echo 'admin ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin
    npm --version || rm -f /usr/local/bin/node /usr/local/bin/npm`,
  clone:
    `mkdir source && tar -xf ${SOURCE} -C source && cd source && git init -q && git add -A && git -c user.name=a ` +
    '-c user.email=a@example.com commit -q -m all && cd .. && git clone -q source ingot',
});
