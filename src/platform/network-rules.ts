/** The rules of the network that instances leave through, and what each instance can reach. Pure. */
import { createHash } from 'node:crypto';

/** What an instance can reach, besides its own metadata service. */
export interface Reach {
  /**
   * Whether it reaches everything except this host's own addresses and link-local ones. Otherwise it reaches only what
   * is listed here.
   */
  readonly everything: boolean;
  /** IPv4 addresses and ranges. A single address is open even if it is one of this host's own. */
  readonly addresses: readonly ReachedAddress[];
  /**
   * Names, open at the addresses that they resolve to when the instance queries them. An instance with restricted
   * access cannot resolve other names.
   */
  readonly names: readonly ReachedName[];
}

/** An IPv4 address (`192.0.2.7`) or range (`192.0.2.0/24`), and a port (default: all). */
export interface ReachedAddress {
  readonly range: string;
  readonly port?: number;
}

/** A name, or all names below one (`*.example.org`), and its ports. */
export interface ReachedName {
  readonly name: string;
  readonly ports: readonly number[];
}

/** The default. */
export const REACH_EVERYTHING: Reach = { everything: true, addresses: [], names: [] };

/**
 * The port on an instance's outbound address for its own services: metadata over TCP, names over UDP. It is below 1024,
 * so that no other user of this host can take it.
 */
export const INSTANCE_SERVICE_PORT = 254;

/** The address of EC2's metadata service. */
export const METADATA_ADDRESS = '169.254.169.254';

/** The host's nftables table. */
export const TABLE = 'ingot_instances';

/** The number of addresses. */
export const OUTBOUND_ADDRESSES = 65_534;

/** The address with a number from 0 to 65,533. */
export function outboundAddress(number: number): string {
  return `198.18.${(number + 1) >> 8}.${(number + 1) & 255}`;
}

/** One instance that has joined. */
export interface NetworkMember {
  readonly address: string;
  readonly reach: Reach;
}

/**
 * The name of the set of addresses with ports that an instance reaches by name. Elements are added for some time when
 * the instance resolves a name.
 */
export function namesSet(address: string): string {
  return `names_${address.replaceAll('.', '_')}`;
}

/**
 * The whole table as input of `nft -f`. It replaces the rules and keeps the sets of names.
 * @param gone an address that is released: what was open to it by name is removed
 * @param fresh an address that was just allocated
 */
export function networkRules(
  members: readonly NetworkMember[],
  { fresh, gone }: { readonly fresh?: string; readonly gone?: string } = {},
): string {
  const all = `{ ${members.map(({ address }) => address).join(', ')} }`;
  const rules = [
    ...nat(all, members),
    `add rule ip ${TABLE} output ip saddr != ${all} ip daddr != ${all} accept`,
    `add rule ip ${TABLE} output ct state established,related accept`,
    // Other users of this host could also bind to these addresses: only root may send from them.
    `add rule ip ${TABLE} output ip saddr ${all} th dport ${INSTANCE_SERVICE_PORT} ct status dnat meta skuid 0 accept`,
    `add rule ip ${TABLE} output ip daddr ${all} reject`,
    ...members.flatMap(({ address, reach }) => reach.addresses.filter(isSingle).map((each) => accept(address, each))),
    `add rule ip ${TABLE} output ip daddr 169.254.0.0/16 reject`,
    `add rule ip ${TABLE} output fib daddr type local reject`,
    ...members
      .filter(({ reach }) => !reach.everything)
      .flatMap(({ address, reach }) => [
        ...reach.addresses.filter((each) => !isSingle(each)).map((each) => accept(address, each)),
        ...(reach.names.length === 0
          ? []
          : [`add rule ip ${TABLE} output ip saddr ${address} ip daddr . th dport @${namesSet(address)} accept`]),
        `add rule ip ${TABLE} output ip saddr ${address} reject`,
      ]),
    `add rule ip ${TABLE} postrouting ip saddr ${all} oifname != "lo" masquerade`,
  ];
  const named = members
    .filter(({ reach }) => !reach.everything && reach.names.length > 0)
    .map(({ address }) => address);
  return [
    `add table ip ${TABLE}`,
    `add chain ip ${TABLE} services { type nat hook output priority -100; policy accept; }`,
    `add chain ip ${TABLE} output { type filter hook output priority filter; policy accept; }`,
    `add chain ip ${TABLE} postrouting { type nat hook postrouting priority srcnat; policy accept; }`,
    `flush chain ip ${TABLE} services`,
    `flush chain ip ${TABLE} output`,
    `flush chain ip ${TABLE} postrouting`,
    ...named.map(addSet),
    ...(fresh !== undefined && named.includes(fresh) ? [`flush set ip ${TABLE} ${namesSet(fresh)}`] : []),
    ...rules,
    `add rule ip ${TABLE} output continue comment "${rulesMark(members)}"`,
    ...(gone === undefined ? [] : [addSet(gone), `delete set ip ${TABLE} ${namesSet(gone)}`]),
    '',
  ].join('\n');
}

/** A mark in the rules for these members. Rules without it are for other members, or were changed. */
export function rulesMark(members: readonly NetworkMember[]): string {
  return `ingot ${createHash('sha256').update(JSON.stringify(members)).digest('hex').slice(0, 16)}`;
}

function nat(all: string, members: readonly NetworkMember[]): string[] {
  const told = members.filter(({ reach }) => !reach.everything).map(({ address }) => address);
  return [
    `add rule ip ${TABLE} services ip saddr ${all} meta skuid 0 ip daddr ${METADATA_ADDRESS} tcp dport 80 dnat to ` +
      `ip saddr : ${INSTANCE_SERVICE_PORT}`,
    ...(told.length === 0
      ? []
      : [
          `add rule ip ${TABLE} services ip saddr { ${told.join(', ')} } meta skuid 0 udp dport 53 dnat to ip ` +
            `saddr : ${INSTANCE_SERVICE_PORT}`,
        ]),
  ];
}

function addSet(address: string): string {
  return `add set ip ${TABLE} ${namesSet(address)} { type ipv4_addr . inet_service; flags timeout; }`;
}

function isSingle({ range }: ReachedAddress): boolean {
  return !range.includes('/') || range.endsWith('/32');
}

function accept(address: string, { range, port }: ReachedAddress): string {
  return (
    `add rule ip ${TABLE} output ip saddr ${address} ip daddr ${range} ` +
    `${port === undefined ? '' : `meta l4proto { tcp, udp } th dport ${port} `}accept`
  );
}
