import { newcomerOn, SOURCE } from '../harness/newcomer.ts';

/** A firewall that lets in nothing that was not asked for. */
const FIREWALL =
  'table inet firewall { chain input { type filter hook input priority 0; policy drop; iif lo accept; ct state ' +
  'established,related accept; }; chain forward { type filter hook forward priority 0; policy drop; }; }';

newcomerOn({
  base: 'debian-13-x86',
  description: 'Debian 13: root, neither Node nor git, AppArmor, udisks, a firewall',
  user: 'root',
  node: false,
  prepare: `
    apt-get update -q && apt-get install -y -q --no-install-recommends apparmor udisks2 nftables
    printf '#!/usr/sbin/nft -f\\nflush ruleset\\n%s\\n' '${FIREWALL}' >/etc/nftables.conf && systemctl enable nftables`,
  clone: `mkdir ingot && tar -xf ${SOURCE} -C ingot`,
});
