/** Launched instances, as those who ask for them see them. */
import type { Readable, Writable } from 'node:stream';

/** What a launched instance is to a client. */
export interface InstanceDescription {
  readonly instanceId: string;
  /** `ami-…` that it was launched from. */
  readonly imageId: string;
  /** ARN of the image that its AMI is of, or that it worked on. */
  readonly image?: string;
  readonly state: 'pending' | 'running' | 'shutting-down' | 'terminated' | 'failed';
  /** Why it failed. */
  readonly reason?: string;
  readonly driver: string;
  readonly instanceType: string;
  /** ISO-8601. */
  readonly launchTime: string;
  readonly publish: readonly PublishRequest[];
  readonly purpose: 'launch' | 'build' | 'test';
  /** Of a build or test instance that was kept after a failure: ISO-8601, when it is ended. */
  readonly keptUntil?: string;
}

/** A port of the host that leads to one of the instance. */
interface PublishRequest {
  /** Default 127.0.0.1. */
  readonly hostAddress?: string;
  readonly hostPort: number;
  readonly instancePort: number;
}

/** What a launch asks for. Its form was checked; whether the image is there was not. */
export interface LaunchInstanceRequest {
  /** `ami-…`, or the ARN of an image (its version may hold wildcards). */
  readonly image: string;
  readonly publish: readonly PublishRequest[];
  /** Public keys in authorized_keys form. */
  readonly sshKeys: readonly string[];
  readonly userData?: string;
  readonly instanceType?: string;
  readonly firmware?: 'bios' | 'uefi';
  /** Whose credentials its metadata service has; nobody's when absent. */
  readonly instanceProfile?: string;
}

/** A command to run in a launched instance. Its form was checked. */
export interface ExecRequest {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutSeconds?: number;
}

/** How a command in an instance ended. */
export interface ExecEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
}

/** A shell to open in an instance. */
export interface ShellRequest {
  /** Size of the terminal that it is to be on, in characters; it reads a script from its stdin when absent. */
  readonly size?: { readonly rows: number; readonly columns: number };
  /** The kind of terminal, `TERM`. */
  readonly term: string;
}

/** A command in an instance whose streams flow. Both outputs have to be read. */
export interface Session {
  /** Whether it is on a terminal. */
  readonly terminal: boolean;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * The exit code, 128 and the signal's number when a signal ended it. Rejects with an `ApiError` when the instance
   * lost it.
   */
  readonly ended: Promise<number>;
  resize(size: { readonly rows: number; readonly columns: number }): Promise<void>;
  /** Its user has gone. */
  hangUp(): Promise<void>;
}

/** Whose instances, and in which Region. */
export interface Owner {
  readonly account: string;
  readonly region: string;
}

/**
 * Launched instances, as the API uses them. Methods throw `ApiError`: ResourceNotFoundException for
 * an instance or image that is not there (or another account's), InvalidRequestException for one in the wrong state.
 */
export interface LaunchService {
  launch(owner: Owner, request: LaunchInstanceRequest): Promise<InstanceDescription>;
  list(owner: Owner): Promise<readonly InstanceDescription[]>;
  get(owner: Owner, instanceId: string): Promise<InstanceDescription>;
  terminate(owner: Owner, instanceId: string): Promise<InstanceDescription>;
  /**
   * Runs a command; `onOutput` gets its output as it comes. Throws at once, before any output, when it cannot begin.
   */
  exec(
    owner: Owner,
    instanceId: string,
    request: ExecRequest,
    onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void,
    signal: AbortSignal,
  ): Promise<ExecEnd>;
  /** An archive of a file or a folder of the instance, on stdout; what went wrong on stderr. */
  getFiles(owner: Owner, instanceId: string, path: string): Promise<Session>;
  /** Takes an archive on stdin to its place: see `instances/copy.ts`. */
  putFiles(owner: Owner, instanceId: string, to: { readonly path: string; readonly name: string }): Promise<Session>;
  /** Opens a login shell of root. */
  shell(owner: Owner, instanceId: string, request: ShellRequest): Promise<Session>;
  /**
   * The console's text from its beginning; with `follow` until the instance is at its end or `signal` aborts. Rejects
   * before the stream when it cannot begin.
   */
  console(
    owner: Owner,
    instanceId: string,
    options: { readonly follow: boolean; readonly signal: AbortSignal },
  ): Promise<AsyncIterable<Buffer>>;
}
