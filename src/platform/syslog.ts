/** Sends messages to a syslog server: RFC 6587 with octet counting over TCP, RFC 5425 over TLS, RFC 5426 over UDP. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Time limit for a server to accept messages, in milliseconds. */
const ANSWER_MS = 10_000;
/** Longest message over UDP in bytes; longer ones are cut. */
const DATAGRAM = 8192;

/**
 * Sends messages over a separate connection. Syslog has no acknowledgement: over TCP they count as sent when the server
 * closes the connection after them, or their bytes were accepted.
 */
export async function sendSyslog(
  server: { readonly protocol: 'tcp' | 'tls' | 'udp'; readonly host: string; readonly port: number },
  messages: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  if (server.protocol === 'udp') {
    const socket = createSocket(server.host.includes(':') ? 'udp6' : 'udp4');
    try {
      for (const message of messages)
        await new Promise<void>((resolve, reject) =>
          socket.send(Buffer.from(message).subarray(0, DATAGRAM), server.port, server.host, (error) =>
            error ? reject(error) : resolve(),
          ),
        );
    } finally {
      socket.close();
    }
    return;
  }
  const { host, port } = server;
  const socket: Socket =
    server.protocol === 'tls' ? connectTls({ host, port, servername: host }) : connect({ host, port });
  const failed = new Promise<never>((_resolve, reject) => {
    socket.once('error', reject);
    limit.addEventListener('abort', () => reject(new Error(`${host}:${port} did not take the messages in time`)));
  });
  failed.catch(() => {});
  try {
    await Promise.race([once(socket, server.protocol === 'tls' ? 'secureConnect' : 'connect'), failed]);
    const framed = messages.map((message) => `${Buffer.byteLength(message)} ${message}`).join('');
    const closed = once(socket, 'close');
    socket.resume();
    socket.end(framed);
    await Promise.race([once(socket, 'finish'), failed]);
    await Promise.race([closed, failed]);
  } finally {
    socket.destroy();
  }
}
