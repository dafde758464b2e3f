/**
 * The address of a request's sender: the other end of its connection or, behind trusted proxies, the address that they
 * report.
 */
import type { IncomingMessage } from 'node:http';
import { isInRange, parseRange, type AddressRange } from '../policies/addresses.ts';

/** Returns the address of a request's sender. */
export type SourceAddress = (request: IncomingMessage) => string;

/**
 * @param proxies addresses or ranges of proxies whose `X-Forwarded-For` is trusted
 * @throws {Error} if a text is not an address or range
 */
export function sourceAddresses(proxies: readonly string[]): SourceAddress {
  const trusted = proxies.map((text): AddressRange => {
    const range = parseRange(text);
    if (range === undefined) throw new Error(`access.proxies: '${text}' is neither an IP address nor an IP range`);
    return range;
  });
  const isTrusted = (address: string): boolean => trusted.some((range) => isInRange(address, range));
  return (request) => {
    let address = plain(request.socket.remoteAddress ?? '');
    const said = [request.headers['x-forwarded-for'] ?? []]
      .flat()
      .join(',')
      .split(',')
      .map((each) => each.trim());
    // From the nearest on: each address was reported by the one after it, and is trusted as long as that one is a
    // trusted proxy.
    while (isTrusted(address) && said.length > 0) address = plain(said.pop()!) || address;
    return address;
  };
}

/** A dual-stack socket shows IPv4 addresses as IPv6 ones. */
function plain(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}
