/**
 * Virtio-serial ports of a running machine: hot-plugged, each a socket on this side and a character device in the
 * guest.
 */
import { connect, type Socket } from 'node:net';
import { sleep } from '../../platform/clock.ts';
import { type Qmp, QmpError } from '../../platform/qmp.ts';

const PREFIX = 'ingot.';
const REMOVE_MS = 5000;

/** Runs work on a separate connection, because QEMU serves one at a time. */
export type WithQmp = <T>(work: (qmp: Qmp) => Promise<T>) => Promise<T>;

/** The name of a port in the guest: in `/sys/class/virtio-ports/*`, file `name`. */
function portName(port: string): string {
  return `${PREFIX}${port}`;
}

/** Plugs ports in and connects to them. Unplugs those that a dead process left. */
export async function plugPorts(
  withQmp: WithQmp,
  directory: string,
  ports: readonly string[],
): Promise<readonly Socket[]> {
  await withQmp(async (qmp) => {
    for (const { label } of (await chardevs(qmp)).filter(isForgotten)) await unplug(qmp, label).catch(() => {});
    for (const port of ports) {
      const name = portName(port);
      const path = `${directory}/${port}`;
      await qmp.execute('chardev-add', {
        id: name,
        backend: { type: 'socket', data: { addr: { type: 'unix', data: { path } }, server: true, wait: false } },
      });
      await qmp.execute('device_add', { driver: 'virtserialport', id: deviceOf(name), chardev: name, name });
    }
  });
  return Promise.all(ports.map((port) => connected(`${directory}/${port}`)));
}

/** Unplugs ports. Safe to repeat. */
export async function unplugPorts(withQmp: WithQmp, ports: readonly string[]): Promise<void> {
  await withQmp(async (qmp) => {
    for (const port of ports) await unplug(qmp, portName(port));
  });
}

/** Whether something in the guest has the port open. */
export async function isPortOpen(withQmp: WithQmp, port: string): Promise<boolean> {
  return withQmp(async (qmp) =>
    (await chardevs(qmp)).some((each) => each.label === portName(port) && each['frontend-open']),
  );
}

interface Chardev {
  readonly label: string;
  /** Begins with `disconnected:` while no client is connected on the host. */
  readonly filename: string;
  readonly 'frontend-open': boolean;
}

function chardevs(qmp: Qmp): Promise<readonly Chardev[]> {
  return qmp.execute<readonly Chardev[]>('query-chardev');
}

function isForgotten({ label, filename, 'frontend-open': open }: Chardev): boolean {
  return label.startsWith(PREFIX) && filename.startsWith('disconnected:') && !open;
}

function deviceOf(name: string): string {
  return `${name}.port`;
}

async function unplug(qmp: Qmp, name: string): Promise<void> {
  await qmp.execute('device_del', { id: deviceOf(name) }).catch(() => {}); // It was removed, or never existed.
  // The socket is released a moment after the device is removed.
  for (let left = REMOVE_MS; ; left -= 20) {
    try {
      await qmp.execute('chardev-remove', { id: name });
      return;
    } catch (error) {
      if (!(error instanceof QmpError) || error.code !== 'busy' || left <= 0) return;
      await sleep(20);
    }
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
