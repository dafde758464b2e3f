import { equal } from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { run } from '../../platform/processes.ts';
import { containerFilter, doorFilter } from './filter.ts';

const CONFINE = fileURLToPath(new URL('confine.pl', import.meta.url));
const filters = { container: containerFilter(), door: doorFilter() };

/** The kernel's result of a system call under a filter: `ok`, or the text of its error. */
async function answer(filter: string, call: readonly number[]): Promise<string> {
  const program =
    'my @call = @ARGV; print syscall($call[0] + 0, map { $_ + 0 } @call[1 .. $#call]) == -1 ? $! + 0 : "ok"';
  return (await run(['perl', CONFINE, filter, 'perl', '-e', program, ...call.map(String)])).stdout;
}

const [EPERM, ENOSYS, EAFNOSUPPORT] = ['1', '38', '97'];
const STREAM = 1;
const RAW = 3;
const socket = (family: number, type: number) => [41, family, type, 0];

for (const [what, call, container, door] of [
  ['a local socket', socket(1, STREAM), 'ok', 'ok'],
  ['an IPv4 socket', socket(2, STREAM), 'ok', 'ok'],
  ['an IPv6 socket', socket(10, STREAM), 'ok', 'ok'],
  ['a netlink socket', socket(16, RAW), 'ok', 'ok'],
  ['a socket to the hypervisor (vsock)', socket(40, STREAM), EAFNOSUPPORT, EAFNOSUPPORT],
  ["a socket of the kernel's cryptography", socket(38, 5), EAFNOSUPPORT, EAFNOSUPPORT],
  ['a Bluetooth socket', socket(31, RAW), EAFNOSUPPORT, EAFNOSUPPORT],
  ['io_uring_setup', [425, 1, 0], ENOSYS, EPERM],
  ['io_uring_enter', [426, 1, 0], ENOSYS, EPERM],
  ['getpid', [39], 'ok', 'ok'],
  ['getpid in the x32 table', [0x40000000 + 39], ENOSYS, ENOSYS],
  ['bpf', [321, 0, 0, 0], undefined, EPERM],
  ['userfaultfd', [323, 0], undefined, EPERM],
  ['keyctl', [250, 0, 0, 0], undefined, EPERM],
  ['perf_event_open', [298, 0, 0, 0, 0], undefined, EPERM],
  ['a call that no kernel has yet', [4000], undefined, ENOSYS],
] as const) {
  test(`${what} has the result that the filters define`, async () => {
    // For the container, systemd-nspawn's own filter has the last word on allowed calls.
    if (container !== undefined) equal(await answer(filters.container, call), container);
    equal(await answer(filters.door, call), door);
  });
}

test("every filter has a whole number of instructions, within the kernel's limit", () => {
  for (const filter of Object.values(filters)) {
    equal(filter.length % 16, 0);
    equal(filter.length / 16 < 4096, true);
  }
});
