/** IP addresses and ranges in policies. */

/** A range: all addresses that share its first bits. */
export interface AddressRange {
  readonly version: 4 | 6;
  readonly address: bigint;
  /** Number of leading bits that are compared. */
  readonly prefix: number;
}

/** Parses `203.0.113.0/24`, `2001:db8::/32`, or one address. Returns `undefined` for anything else. */
export function parseRange(text: string): AddressRange | undefined {
  const [addressText, prefixText, more] = text.trim().split('/');
  const address = parseAddress(addressText ?? '');
  if (address === undefined || more !== undefined) return undefined;
  const bits = address.version === 4 ? 32 : 128;
  if (prefixText === undefined) return { ...address, prefix: bits };
  if (!/^\d{1,3}$/.test(prefixText) || Number(prefixText) > bits) return undefined;
  return { ...address, prefix: Number(prefixText) };
}

/** Whether an address is in a range. Invalid addresses are in none. */
export function isInRange(text: string, range: AddressRange): boolean {
  const address = parseAddress(text);
  if (address === undefined || address.version !== range.version) return false;
  const shift = BigInt((range.version === 4 ? 32 : 128) - range.prefix);
  return address.address >> shift === range.address >> shift;
}

function parseAddress(text: string): Pick<AddressRange, 'version' | 'address'> | undefined {
  const four = parseFour(text);
  if (four !== undefined) return { version: 4, address: four };
  // An IPv4 address at the end of an IPv6 one is its last two groups.
  const [, before, tail] = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text) ?? [];
  const last = tail === undefined ? undefined : parseFour(tail);
  if (tail !== undefined && last === undefined) return undefined;
  const groupsText =
    last === undefined ? text : `${before}${(last >> 16n).toString(16)}:${(last & 0xffffn).toString(16)}`;
  const halves = groupsText.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], rest = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - rest.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<string>(Math.max(missing, 0)).fill('0'), ...rest];
  if (groups.some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const address = groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
  // A dual-stack socket shows IPv4 addresses like this.
  if (address >> 32n === 0xffffn) return { version: 4, address: address & 0xffffffffn };
  return { version: 6, address };
}

function parseFour(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || parts.some((part) => !/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255))
    return undefined;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}
