/** Argument vectors of the container driver. Pure. */
import { fileURLToPath } from 'node:url';
import { UIDS_OF_A_CONTAINER } from '../../platform/host.ts';
import { readScript } from '../../platform/scripts.ts';
import { containerFilter, doorFilter } from '../confine/filter.ts';
import { READ_LINES } from '../unit-words.ts';

/** Options of a container. */
export interface ContainerOptions {
  /** Machine name: letters, digits, hyphens. */
  readonly id: string;
  /** The mounted root file system. */
  readonly root: string;
  /** First host uid of its range of `UIDS_OF_A_CONTAINER`. */
  readonly uidBase: number;
}

/** The command that boots a container. It exits with 133 when the container requests a reboot. */
export function nspawnArguments(options: ContainerOptions): string[] {
  return [
    'systemd-nspawn',
    '--register=no',
    '--keep-unit',
    '--settings=no',
    '--quiet',
    '-M',
    options.id,
    '-D',
    options.root,
    '--resolv-conf=off',
    '--link-journal=no',
    '--timezone=off',
    '--notify-ready=yes',
    '--console=read-only',
    `--private-users=${options.uidBase}:${UIDS_OF_A_CONTAINER}`,
    '--private-users-ownership=map',
    '--private-network',
    '--suppress-sync=yes',
    // The host sets the root file system's mount options; remounting fails inside.
    '--boot',
    'systemd.mask=systemd-remount-fs.service',
    // The reason is in `prepare.sh`.
    'systemd.mask=dev-mqueue.mount',
  ];
}

/**
 * Environment of systemd-nspawn: the container gets the unified hierarchy whatever the host has, and its `/tmp` is on
 * disk, as on EC2.
 */
export const NSPAWN_ENVIRONMENT = { SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1', SYSTEMD_NSPAWN_TMPFS_TMP: '0' } as const;

const IN_CGROUPS = readScript(import.meta.url, 'in-cgroups.sh');
const EXIT_CODE = readScript(import.meta.url, 'exit-code.sh');

/** Runs a command in cgroups, which it joins before it is executed. */
export function inCgroups(cgroups: readonly string[], argv: readonly string[]): string[] {
  return ['/bin/sh', '-c', IN_CGROUPS, 'sh', ...cgroups, '--', ...argv];
}

/** Runs a command and writes its exit code to a file for later readers. */
export function withExitCodeIn(file: string, argv: readonly string[]): string[] {
  return ['/bin/sh', '-c', EXIT_CODE, 'sh', file, ...argv];
}

const ENTER = fileURLToPath(new URL('../confine/enter.pl', import.meta.url));
const CONFINE = fileURLToPath(new URL('../confine/confine.pl', import.meta.url));

/** What is needed to enter a container. */
export interface Door {
  /** Its first process, by its pid on the host. */
  readonly pid: number;
  /** Its start in clock ticks since boot, which together with the pid identifies it. */
  readonly startTime: string;
}

/**
 * Runs a command in all namespaces of a container, as its root, in its root directory, with its capabilities and a
 * filter of system calls. No process of a host user is ever visible inside: see `enter.pl`.
 * @param cgroups which the command joins first
 */
export function enterArguments(
  { pid, startTime }: Door,
  cgroups: readonly string[],
  argv: readonly string[],
  filter: string = doorFilter(),
): string[] {
  return ['perl', ENTER, String(pid), startTime, filter, ...cgroups, '--', ...argv];
}

/** Runs systemd-nspawn with an additional filter of system calls, which all programs of the container inherit. */
export function confined(argv: readonly string[]): string[] {
  return ['perl', CONFINE, containerFilter(), ...argv];
}

/** A command that runs as a transient service of the systemd inside. */
export interface UnitOptions {
  /** Name without suffix. */
  readonly unit: string;
  readonly user: string;
}

/** Directory inside for a running command's files: a tmpfs, so that no layer contains it. */
export const INSIDE_DIRECTORY = '/run/ingot';

/**
 * A script inside that records how a unit ended. It runs as the command's user, because systemd 252 serializes a line
 * with a prefix (`+`) in a form that it does not understand after `daemon-reload`.
 */
export const STATUS_WRITER = `${INSIDE_DIRECTORY}/ended`;
export const STATUS_WRITER_SCRIPT = readScript(import.meta.url, 'ended.sh');

/**
 * A script inside that is a unit's command. Its argument is the file of `commandWords`: it changes to the working
 * directory, sets the environment, and executes the command. The arguments of a command may be secret, but every user
 * can read a process's arguments and a unit.
 */
export const COMMAND = `${INSIDE_DIRECTORY}/command`;
export const COMMAND_SCRIPT = readScript(import.meta.url, 'command.sh', { READ_LINES });

/**
 * A command as the words of the file that `COMMAND` reads.
 * @throws {Error} if the command is invalid
 */
export function commandWords(
  argv: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): readonly string[] {
  if (argv.length === 0) throw new Error('a command needs a program');
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const wrong = Object.keys(env).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (wrong !== undefined)
    throw new Error(`invalid name '${wrong}' for an environment variable: expected letters, digits and _`);
  const words = [cwd, String(variables.length), ...variables, ...argv];
  if (words.some((word) => word.includes('\0'))) throw new Error('a command holds a NUL character');
  return words;
}

/**
 * An id in the environment of all processes of a unit, like systemd's own, by which a deadline finds processes that
 * left the unit's cgroup.
 */
export function invocationOf(unit: string): string {
  return unit.replace(/^ingot-/, '').replaceAll('-', '');
}

/**
 * The command that runs the command of the file `words` in the container to its end with this process's streams.
 *
 * - `sh` changes to the working directory and executes the command, so that a missing program is 127 as in a shell.
 * - `ExecStopPost` records how the command ended: systemd-run itself returns 255 for any signal, and 0 for SIGTERM.
 * - `KillMode=process`: processes that a command leaves running continue, as after a login on a machine.
 * - Unlike a service: SIGPIPE ends it, it has no limit of tasks, and `systemctl isolate` does not stop it.
 */
export function unitArguments({ unit, user }: UnitOptions): string[] {
  return [
    'systemd-run',
    '--pipe',
    '--wait',
    '--collect',
    '--quiet',
    '--service-type=exec',
    `--unit=${unit}`,
    `--description=${unit}`,
    `--uid=${user}`,
    '-p',
    'KillMode=process',
    '-p',
    'IgnoreSIGPIPE=no',
    '-p',
    'IgnoreOnIsolate=yes',
    '-p',
    'TasksMax=infinity',
    '-p',
    'OOMPolicy=continue',
    '-p',
    'TimeoutStopSec=10',
    '-p',
    `ExecStopPost=/bin/sh ${STATUS_WRITER} ${INSIDE_DIRECTORY}/${unit}.status`,
    `--setenv=INVOCATION_ID=${invocationOf(unit)}`,
    '--',
    '/bin/sh',
    COMMAND,
    wordsFile(unit),
  ];
}

/** Path of the words of a unit's command, inside. */
export function wordsFile(unit: string): string {
  return `${INSIDE_DIRECTORY}/${unit}.words`;
}

/** Parses how a command ended, as `ExecStopPost` wrote it: `exit-code exited 3`, `signal killed KILL`. */
export function parseStatus(
  text: string,
): { readonly exitCode: number | null; readonly signal: string | null } | undefined {
  const [, code, status] = text.trim().split(' ');
  if (code === undefined || status === undefined) return undefined;
  if (code === 'exited') return /^\d+$/.test(status) ? { exitCode: Number(status), signal: null } : undefined;
  return { exitCode: null, signal: status.startsWith('SIG') ? status : `SIG${status}` };
}

/** The address of a container. */
export const INSTANCE_ADDRESS = '10.0.2.100';

/** Configuration of systemd-networkd inside for the interface that slirp4netns creates. */
export function networkFile(interfaceName: string): string {
  return `[Match]
Name=${interfaceName}

[Network]
Address=${INSTANCE_ADDRESS}/24
Gateway=10.0.2.2
DNS=10.0.2.3
LinkLocalAddressing=no
IPv6AcceptRA=no
`;
}
