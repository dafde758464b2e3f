/** Syslog (RFC 5424) over TCP, TLS or UDP. */
import { hostname } from 'node:os';
import { sendSyslog } from '../../../platform/syslog.ts';
import type { DestinationType, ShippedEvent } from '../destination.ts';

/** Facility `local0`; severities of RFC 5424. */
const FACILITY = 16;
const SEVERITIES: Readonly<Record<string, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

/** Quotes a structured-data value. */
function quoted(value: string): string {
  return `"${value.replaceAll(/["\\\]]/g, '\\$&')}"`;
}

export const syslog: DestinationType = {
  settings: ['address'],
  open({ read, fault }) {
    const address = read('address', true);
    if (address === undefined) return undefined;
    const match = /^(tcp|tls|udp):\/\/([^\s/:]+|\[[0-9a-fA-F:]+\]):(\d{1,5})$/.exec(address);
    if (match === null) {
      fault('address', 'must be tcp://HOST:PORT, tls://HOST:PORT or udp://HOST:PORT');
      return undefined;
    }
    const [, protocol, host, port] = match;
    const server = {
      protocol: protocol as 'tcp' | 'tls' | 'udp',
      host: host!.replaceAll(/[[\]]/g, ''),
      port: Number(port),
    };
    const own = hostname();
    return {
      send: ({ account, region, group, stream, events }, signal) => {
        // 32473 is the enterprise number for examples and documentation (RFC 5612).
        const place =
          `[ingot@32473 account=${quoted(account)} region=${quoted(region)} ` +
          `group=${quoted(group)} stream=${quoted(stream)}]`;
        const line = ({ time, message, record }: ShippedEvent): string => {
          const level = (record as { readonly level?: string } | null)?.level ?? 'info';
          const priority = FACILITY * 8 + (SEVERITIES[level] ?? 6);
          return `<${priority}>1 ${new Date(time).toISOString()} ${own} ingot - - ${place} ${message}`;
        };
        return sendSyslog(server, events.map(line), signal);
      },
    };
  },
};
