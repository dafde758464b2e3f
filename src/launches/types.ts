/** Launched instances, as clients see them. */
import type { Readable, Writable } from 'node:stream';

/** A launched instance for a client. */
export interface InstanceDescription {
  readonly instanceId: string;
  /** AMI that it was launched from, `ami-…`; empty for a container. */
  readonly imageId: string;
  /** ARN of the image of its AMI, of its container image, or of the image that it was started for. */
  readonly image?: string;
  readonly state: 'pending' | 'running' | 'shutting-down' | 'terminated' | 'failed';
  /** Why it failed, or ended by itself. */
  readonly reason?: string;
  readonly driver: string;
  readonly instanceType: string;
  /** ISO-8601. */
  readonly launchTime: string;
  readonly publish: readonly PublishRequest[];
  readonly purpose: 'launch' | 'build' | 'test' | 'pool';
  /** For a build or test instance that was kept after a failure: when it will be terminated, ISO-8601. */
  readonly keptUntil?: string;
}

/** A port of the host that forwards to a port of the instance. */
interface PublishRequest {
  /** Default: 127.0.0.1. */
  readonly hostAddress?: string;
  readonly hostPort: number;
  readonly instancePort: number;
}

/** A launch request whose form was validated. Whether the image exists has not been checked. */
export interface LaunchInstanceRequest {
  /** `ami-…`, or the ARN of an image (its version may have wildcards). */
  readonly image: string;
  readonly publish: readonly PublishRequest[];
  /** Public keys in authorized_keys form. */
  readonly sshKeys: readonly string[];
  readonly userData?: string;
  readonly instanceType?: string;
  readonly firmware?: 'bios' | 'uefi';
  /** Instance profile whose credentials the metadata service serves (default: none). */
  readonly instanceProfile?: string;
}

/** A command to run in a launched instance. Its form was validated. */
export interface ExecRequest {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutSeconds?: number;
}

/** The result of a command in an instance. */
export interface ExecEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
}

/** A shell to open in an instance. */
export interface ShellRequest {
  /** Size of its terminal, in characters; without one, the shell reads a script from its stdin. */
  readonly size?: { readonly rows: number; readonly columns: number };
  /** The kind of terminal, `TERM`. */
  readonly term: string;
}

/** A command in an instance with streams. Both outputs must be read. */
export interface Session {
  /** Whether it runs on a terminal. */
  readonly terminal: boolean;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * The exit code; 128 and the signal's number if a signal killed it. Rejects with an `ApiError` if the instance lost
   * it.
   */
  readonly ended: Promise<number>;
  resize(size: { readonly rows: number; readonly columns: number }): Promise<void>;
  /** Called when the client has disconnected. */
  hangUp(): Promise<void>;
}

/** The owner of instances, and their Region. */
export interface Owner {
  readonly account: string;
  readonly region: string;
}

/**
 * Launched instances, as the API uses them. Methods throw `ApiError`: ResourceNotFoundException for an instance or
 * image that does not exist (or is another account's), InvalidRequestException for one in the wrong state.
 */
export interface LaunchService {
  launch(owner: Owner, request: LaunchInstanceRequest): Promise<InstanceDescription>;
  list(owner: Owner): Promise<readonly InstanceDescription[]>;
  get(owner: Owner, instanceId: string): Promise<InstanceDescription>;
  terminate(owner: Owner, instanceId: string): Promise<InstanceDescription>;
  /** Runs a command; `onOutput` gets its output as it arrives. Throws before any output if it cannot start. */
  exec(
    owner: Owner,
    instanceId: string,
    request: ExecRequest,
    onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void,
    signal: AbortSignal,
  ): Promise<ExecEnd>;
  /** Archives a file or folder of the instance to stdout; errors go to stderr. */
  getFiles(owner: Owner, instanceId: string, path: string): Promise<Session>;
  /** Unpacks an archive from stdin: see `instances/copy.ts`. */
  putFiles(owner: Owner, instanceId: string, to: { readonly path: string; readonly name: string }): Promise<Session>;
  /** Opens a login shell of root. */
  shell(owner: Owner, instanceId: string, request: ShellRequest): Promise<Session>;
  /**
   * The console's text from its start; with `follow` until the instance terminates or `signal` aborts. Rejects before
   * the stream if it cannot start.
   */
  console(
    owner: Owner,
    instanceId: string,
    options: { readonly follow: boolean; readonly signal: AbortSignal },
  ): Promise<AsyncIterable<Buffer>>;
}
