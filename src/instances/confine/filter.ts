/**
 * Filters of system calls for the parts of the host's kernel that untrusted programs can reach: programs for seccomp,
 * as hexadecimal digits. Pure. `enter.pl` and `confine.pl` load them.
 *
 * Numbers and constants are the kernel's (`linux/seccomp.h`, `linux/filter.h`, `asm/unistd_64.h`) and never change.
 */

/** One instruction of classic BPF: operation, jumps if true and if false, and a value. */
type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, value: number];

const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS: a word of `struct seccomp_data`.
const EQUALS = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const AT_LEAST = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K

const NUMBER_OFFSET = 0;
const ARCHITECTURE_OFFSET = 4;
/** Offset of the lower half of the first argument. */
const ARGUMENT_OFFSET = 16;

const X86_64 = 0xc000003e;
const I386 = 0x40000003;

const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** Address families that programs of an image need: local sockets, IPv4 and IPv6, netlink, packets. */
const FAMILIES = [1, 2, 10, 16, 17];

/** Start of the numbers of a third table, that of 64-bit programs with 32-bit pointers. */
const X32 = 0x40000000;

const SOCKET = 41;
const IO_URING = [425, 426, 427];
/** `socket` in the 32-bit table. `socketcall` takes its arguments from memory, which no filter can read. */
const SOCKET_I386 = 359;
const SOCKETCALL_I386 = 102;
const SOCKETCALL_SOCKET = 1;

/**
 * System calls that systemd-nspawn's own filter denies to a container, and that nothing that enters one needs: kernel
 * modules, clocks, keys, swap, quotas, hardware, tracing facilities, and obsolete calls.
 */
const NOT_AT_THE_DOOR: readonly number[] = Object.values({
  log: [103], // syslog
  clocks: [159, 164, 227, 305], // adjtimex, settimeofday, clock_settime, clock_adjtime
  swap: [167, 168],
  hardware: [154, 172, 173], // modify_ldt, iopl, ioperm
  modules: [174, 175, 176, 177, 178, 313],
  quotas: [163, 179, 443], // acct, quotactl, quotactl_fd
  memoryPlaces: [237, 238, 256, 279, 450], // mbind, set_mempolicy, migrate_pages, move_pages, set_mempolicy_home_node
  otherKernels: [246, 320], // kexec_load, kexec_file_load
  keys: [248, 249, 250],
  tracing: [298, 312, 321, 323, 438], // perf_event_open, kcmp, bpf, userfaultfd, pidfd_getfd
  foreignFiles: [300, 301, 304], // fanotify_init, fanotify_mark, open_by_handle_at
  ioUring: IO_URING,
  unusedForLong: [134, 136, 139, 156, 180, 181, 182, 183, 184, 185, 212, 236], // uselib, ustat, sysfs, _sysctl, …
}).flat();
/** msync, fsync, fdatasync, sync, sync_file_range, syncfs. */
const WAITING_FOR_THE_DISK = [26, 74, 75, 162, 277, 306];
/** Later calls do not exist for programs that enter a container, so that the C library uses older ones. */
const NEWEST_AT_THE_DOOR = 450;

/**
 * For all programs of a container, in addition to systemd-nspawn's own filter: denies what that allows, unusual address
 * families and io_uring.
 */
export function containerFilter(): string {
  return hexadecimal([
    ...onlyArchitectures(i386Rules()),
    ...noCallsFrom(X32),
    ...refuse(IO_URING, ENOSYS),
    ...onlyFamilies(SOCKET),
    [RETURN, 0, 0, ALLOW],
  ]);
}

/**
 * For programs that enter a container from outside, where systemd-nspawn's own filter does not apply.
 * @param options.sync `skip` if nothing in the container needs to wait for the disk, which is written as a whole at its
 * end: `fsync` and similar calls then succeed at once
 */
export function doorFilter(options: { readonly sync?: 'skip' } = {}): string {
  return hexadecimal([
    ...onlyArchitectures([[RETURN, 0, 0, ERRNO | ENOSYS]]),
    // This also denies the x32 table, whose numbers are higher.
    ...noCallsFrom(NEWEST_AT_THE_DOOR + 1),
    ...refuse(NOT_AT_THE_DOOR, EPERM),
    ...(options.sync === 'skip' ? refuse(WAITING_FOR_THE_DISK, 0) : []),
    ...onlyFamilies(SOCKET),
    [RETURN, 0, 0, ALLOW],
  ]);
}

/**
 * Ends with the number of the call loaded. `i386` decides calls of the 32-bit table; calls of other tables are denied.
 */
function onlyArchitectures(i386: readonly Instruction[]): Instruction[] {
  return [
    [LOAD, 0, 0, ARCHITECTURE_OFFSET],
    [EQUALS, i386.length + 3, 0, X86_64],
    [EQUALS, 1, 0, I386],
    [RETURN, 0, 0, ERRNO | ENOSYS],
    [LOAD, 0, 0, NUMBER_OFFSET],
    ...i386,
    [LOAD, 0, 0, NUMBER_OFFSET],
  ];
}

function i386Rules(): Instruction[] {
  return [
    ...refuse(IO_URING, ENOSYS),
    [EQUALS, 0, 4, SOCKETCALL_I386],
    [LOAD, 0, 0, ARGUMENT_OFFSET],
    [EQUALS, 0, 1, SOCKETCALL_SOCKET],
    [RETURN, 0, 0, ERRNO | EAFNOSUPPORT],
    [RETURN, 0, 0, ALLOW],
    ...onlyFamilies(SOCKET_I386),
    [RETURN, 0, 0, ALLOW],
  ];
}

function noCallsFrom(number: number): Instruction[] {
  return [
    [AT_LEAST, 0, 1, number],
    [RETURN, 0, 0, ERRNO | ENOSYS],
  ];
}

/** Returns an error for calls with these numbers. */
function refuse(numbers: readonly number[], error: number): Instruction[] {
  return numbers.flatMap((number): Instruction[] => [
    [EQUALS, 0, 1, number],
    [RETURN, 0, 0, ERRNO | error],
  ]);
}

/** Decides calls that create sockets; continues for all others. */
function onlyFamilies(call: number): Instruction[] {
  return [
    [EQUALS, 0, FAMILIES.length + 3, call],
    [LOAD, 0, 0, ARGUMENT_OFFSET],
    ...FAMILIES.map((family, index): Instruction => [EQUALS, FAMILIES.length - index, 0, family]),
    [RETURN, 0, 0, ERRNO | EAFNOSUPPORT],
    [RETURN, 0, 0, ALLOW],
  ];
}

function hexadecimal(program: readonly Instruction[]): string {
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, [code, whenTrue, whenFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(whenTrue, index * 8 + 2);
    bytes.writeUInt8(whenFalse, index * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  }
  return bytes.toString('hex');
}
