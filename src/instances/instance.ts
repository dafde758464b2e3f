/**
 * The contract between users of instances and drivers. It must fit a system container, a virtual machine, this host, a
 * container, and an EC2 instance over SSM.
 */
import type { EncryptedChain } from '../images/encrypted-disk.ts';
import type { DataKey } from '../keys/data-key.ts';
import type { Readable, Writable } from 'node:stream';
import type { AllocationOwner } from '../platform/host.ts';
import type { HeldRecorder } from '../platform/held.ts';
import type { Reach } from '../platform/network-rules.ts';
import type { InstanceMetadata } from './services/metadata.ts';

/** One command or script in an instance. It runs as root unless `user` says otherwise. */
export interface CommandRequest {
  /** Program and arguments, passed exactly; nothing expands `$` in them. Exactly one of `argv` and `script`. */
  readonly argv?: readonly string[];
  /** A bash script: goes in as a file and runs as `bash FILE` with stdin closed; no `set -e` is implied. */
  readonly script?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory (default: `/`). */
  readonly cwd?: string;
  readonly user?: string;
  /** Content of stdin, which is closed if absent. */
  readonly stdin?: string | Buffer;
  /** Seconds after which the command and everything that it started is killed (default: no limit). */
  readonly timeoutSeconds?: number;
  /**
   * Called with each chunk as it arrives; nothing more is buffered. If it throws, the command is killed and `run`
   * throws the same.
   */
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Buffer) => void;
  /** Kills the command as the deadline does; `run` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * One of Ingot's own small programs with `argv`, as root, that starts no user's programs and leaves nothing running.
   * The driver may run it in a faster way. Its umask is 022 and its streams may be sockets.
   */
  readonly own?: true;
}

/**
 * How a command in an instance ended. A missing program is exit code 127, one that cannot be executed 126, as in a
 * shell.
 */
export interface CommandResult {
  /** `null` if a signal or the deadline ended it. */
  readonly exitCode: number | null;
  /** `SIGKILL`, `SIGSEGV`, …, or `null`. */
  readonly signal: string | null;
  readonly timedOut: boolean;
  /** Whether the kernel killed it, or what it ran, because the instance reached its memory limit. Absent if unknown. */
  readonly outOfMemory?: boolean;
}

/** A command with streams. It runs as root. */
export interface StreamRequest {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory (default: `/`). */
  readonly cwd?: string;
  /**
   * Whether its input ends before it does (a copy, a script). Input that continues until the command ends (a
   * terminal's) is passed on at once, byte for byte.
   */
  readonly inputEnds: boolean;
}

/** A running command with its streams. Both outputs must be read: unread output blocks the command. */
export interface StreamedCommand {
  /** Path inside, without suffix, for the files of this run. */
  readonly files: string;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * The exit code, once the command has ended; processes that it left running may continue. 128 and the signal's number
   * if a signal killed it. Rejects with an `InstanceError` if the instance is gone or lost the command.
   */
  readonly ended: Promise<number>;
  /**
   * Sends the command SIGHUP because its user has disconnected, and kills it if it does not react. It can be repeated.
   */
  hangUp(): Promise<void>;
}

/** Capabilities of a driver's instances. */
export interface Capabilities {
  /** Has a kernel of its own: modules, kernel parameters, loop devices work. */
  readonly kernel: boolean;
  /** Can reboot and continue. */
  readonly reboots: boolean;
  /** Can take a snapshot without stopping. */
  readonly liveSnapshots: boolean;
  /** Boots through the disk's own boot loader. */
  readonly bootLoader: boolean;
  readonly platform: 'Linux' | 'Windows' | 'macOS';
}

/** JSON with which another process attaches to an instance, or terminates it. */
export interface InstanceHandle {
  readonly driver: string;
  readonly id: string;
  /** File of this host with the whole serial console, if the driver keeps one. It is removed with the instance. */
  readonly consoleLog?: string;
  readonly [member: string]: unknown;
}

/** A port of the host that forwards to a port of the instance. */
export interface PublishedPort {
  /** Address on the host (default: 127.0.0.1). */
  readonly hostAddress?: string;
  readonly hostPort: number;
  readonly instancePort: number;
}

/** What cloud-init gets on first boot (NoCloud). Without it no seed disk is attached, and the boot is much faster. */
export interface Seed {
  /** As on EC2: a script, cloud-config, MIME. Raw text, not base64. */
  readonly userData?: string;
  /** Public keys, in authorized_keys form, for the default user. */
  readonly sshKeys?: readonly string[];
  readonly hostname?: string;
}

/** A request to launch an instance. */
export interface LaunchRequest {
  /** `i-…` */
  readonly id: string;
  /** Path of a qcow2 overlay that the instance writes to. The caller creates it and keeps it after `terminate`. */
  readonly disk: string;
  /** How to open the disk, if it is encrypted. */
  readonly encryption?: EncryptedChain | undefined;
  readonly cpus: number;
  readonly memoryMiB: number;
  /**
   * Directory for sockets and mount points, with a short path (below `/run/ingot`). The driver creates, holds and
   * removes it.
   */
  readonly directory: string;
  readonly allocationOwner: AllocationOwner;
  /** Everything that the launch takes is recorded here first. */
  readonly held: HeldRecorder;
  readonly publish?: readonly PublishedPort[];
  readonly seed?: Seed;
  /** The content of its metadata service (default: none). */
  readonly metadata?: InstanceMetadata;
  /** What it may reach (default: everything except this host). */
  readonly reach?: Reach;
  /** Virtual machines only (default: `bios`). */
  readonly firmware?: 'bios' | 'uefi';
  /** Seconds until the instance must respond. Each driver has its own default. */
  readonly timeoutSeconds?: number;
  /**
   * The instance outlives the process that launched it (`ingot launch`), so nothing of it may depend on this process,
   * such as pipes.
   */
  readonly detached?: boolean;
  /**
   * Containers only: the program that is the container, and its arguments. It starts when `startProgram` is called, and
   * the instance ends with it.
   */
  readonly program?: readonly string[];
  readonly signal?: AbortSignal;
  /** Receives what is awaited, the chosen accelerator with the reason, and lines of the serial console (`console`). */
  readonly report?: (event: {
    readonly text: string;
    readonly level?: 'debug' | 'info' | 'warn' | 'error';
    readonly stream?: 'console';
  }) => void;
}

/** A temporary machine on which components run. */
export interface Instance {
  readonly id: string;
  readonly handle: InstanceHandle;
  readonly capabilities: Capabilities;
  /**
   * Runs a command to its end. A failing command does not reject.
   * @throws {InstanceError} if the instance is gone or does not respond
   */
  run(request: CommandRequest): Promise<CommandResult>;
  /**
   * Starts a command and returns when its streams are connected.
   * @throws {InstanceError} if the instance is gone, does not respond, or lacks what streams need
   */
  open(request: StreamRequest): Promise<StreamedCommand>;
  /** Writes a file; creates its parent directories. `mode` defaults to 0644; the owner is root. */
  put(path: string, content: string | Buffer, mode?: number): Promise<void>;
  /** Reads a file of at most 16 MiB. */
  get(path: string): Promise<Buffer>;
  /** Restarts the operating system and waits until it responds again. Returns the new boot id. */
  reboot(options?: { readonly timeoutSeconds?: number; readonly signal?: AbortSignal }): Promise<string>;
  /**
   * Takes a snapshot: the previous top file keeps what was written so far and is never written again. The instance
   * continues in `overlay`, a new file that this creates.
   * @param key of the disk, if it is encrypted: the overlay is encrypted with it too
   */
  snapshot(overlay: string, key?: DataKey): Promise<void>;
  /**
   * Shuts the operating system down cleanly and detaches the disk, within a deadline; afterwards only `terminate` is
   * allowed.
   */
  stop(): Promise<void>;
  /**
   * Ends the instance in any state and releases everything that it held. It can be repeated, also from another process.
   */
  terminate(): Promise<void>;
  /** The last lines of its serial console, or of its first process, oldest first; for error messages. */
  consoleTail(lines: number): Promise<readonly string[]>;
}

/** The end of an instance that ended by itself. */
export interface InstanceEnd {
  /** Absent if its program succeeded. */
  readonly reason?: string;
}

/** A driver. */
export interface Driver {
  readonly name: string;
  /** The kind of image that its instances make (default: `AMI`). */
  readonly makes?: 'AMI' | 'DOCKER';
  readonly capabilities: Capabilities;
  /**
   * Launches an instance and waits until it responds. After a failure or an abort nothing is left behind.
   * @throws {InstanceError} with what was awaited and the tail of the console
   */
  launch(request: LaunchRequest): Promise<Instance>;
  /** Attaches to an instance by its handle. @throws {InstanceError} if it no longer runs */
  attach(handle: InstanceHandle, held: HeldRecorder): Promise<Instance>;
  /**
   * Whether an instance has ended by itself, and why if that was a failure. Cheap enough to ask every second; absent
   * for drivers whose instances run until they are terminated.
   */
  endOf?(handle: InstanceHandle): Promise<InstanceEnd | undefined>;
  /** What this host lacks for the driver, one sentence each with the fix; empty if it works. */
  missing(): Promise<readonly string[]>;
}

/**
 * What went wrong, for code that decides and for advice:
 * - `network`: the network does not reach what its profile promises.
 * - `disk-gone`: the process that served its disk ended.
 * - `powered-off`: something in it shut it down.
 * - `out-of-memory`: it reached its memory limit, and the kernel killed it.
 * - `program-gone`: `/bin/sh` or `systemctl` in it was removed or is damaged.
 */
export type InstanceFault = 'network' | 'disk-gone' | 'powered-off' | 'out-of-memory' | 'program-gone';

/** An instance could not be launched, or no longer responds. */
export class InstanceError extends Error {
  override readonly name = 'InstanceError';
  /** What went wrong, if it is one of the known faults. */
  readonly code: InstanceFault | undefined;
  /** Last lines of the console, if there is one. */
  readonly console: readonly string[];
  constructor(
    message: string,
    console: readonly string[] = [],
    options?: ErrorOptions & { readonly code?: InstanceFault | undefined },
  ) {
    super(message, options);
    this.console = console;
    this.code = options?.code;
  }
}
