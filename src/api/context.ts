/** What the API stands on, and what a handler of an operation is given. */
import type { Kysely } from 'kysely';
import type { Catalog } from '../catalog/catalog.ts';
import type { Tables } from '../catalog/tables.ts';
import type { OperationInput, OperationName, OperationOutput } from './model.ts';

/** A key pair of Signature V4 and whose it is. */
export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Account id, 12 digits. */
  readonly account: string;
}

/** What a launched instance is to a client. */
export interface InstanceDescription {
  readonly instanceId: string;
  /** `ami-…` that it was launched from. */
  readonly imageId: string;
  readonly state: 'pending' | 'running' | 'shutting-down' | 'terminated' | 'failed';
  /** Why it failed. */
  readonly reason?: string;
  readonly driver: string;
  readonly instanceType: string;
  /** ISO-8601. */
  readonly launchTime: string;
  readonly publish: readonly PublishRequest[];
  readonly purpose: 'launch' | 'build' | 'test';
}

/** A port of the host that leads to one of the instance. */
export interface PublishRequest {
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

/** Whose instances, and in which Region. */
export interface Owner {
  readonly account: string;
  readonly region: string;
}

/**
 * Launched instances, as the API uses them; `launches/` implements it. Methods throw `ApiError`: ResourceNotFoundException for
 * an instance or image that is not there (or another account's), InvalidRequestException for one in the wrong state.
 */
export interface LaunchService {
  launch(owner: Owner, request: LaunchInstanceRequest): Promise<InstanceDescription>;
  list(owner: Owner): Promise<readonly InstanceDescription[]>;
  get(owner: Owner, instanceId: string): Promise<InstanceDescription>;
  terminate(owner: Owner, instanceId: string): Promise<InstanceDescription>;
  /** Runs a command; `onOutput` gets its output as it comes. Throws at once, before any output, when it cannot begin. */
  exec(
    owner: Owner,
    instanceId: string,
    request: ExecRequest,
    onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void,
    signal: AbortSignal,
  ): Promise<ExecEnd>;
  /** The console's text from its beginning; with `follow` until the instance is at its end or `signal` aborts. Rejects before the stream when it cannot begin. */
  console(owner: Owner, instanceId: string, options: { readonly follow: boolean; readonly signal: AbortSignal }): Promise<AsyncIterable<Buffer>>;
}

/** What the API is given by the process that runs it. */
export interface ApiServices {
  readonly catalog: Catalog;
  /** The key pair with this id, or `undefined`. */
  readonly credential: (accessKeyId: string) => Credential | undefined;
  /** Account id of the key pair that the first start makes. */
  readonly defaultAccount: string;
  /** Tells the worker that there may be something to do. Never throws. */
  readonly wakeWorker: () => void;
  readonly launches: LaunchService;
  readonly version: string;
  /** Absolute path. */
  readonly dataDirectory: string;
  /** Asks this process to stop; returns at once. */
  readonly shutdown: () => void;
}

/** Who asks, where, and with what. */
export interface RequestContext extends Owner {
  /** Account id of the caller, 12 digits. */
  readonly account: string;
  /** Region, from the signature's scope. */
  readonly region: string;
  /** Uuid, in the response's `x-amzn-RequestId` and, where the operation has it, its `requestId`. */
  readonly requestId: string;
  readonly services: ApiServices;
}

/** What a handler is given besides its input. */
export interface OperationContext extends RequestContext {
  readonly operation: OperationName;
  /**
   * The catalogue. For an operation that changes something this is a transaction, begun before the handler and committed after it (with the
   * client token's row): what the handler throws undoes all it wrote. So a handler does quick work on records and nothing else.
   */
  readonly db: Kysely<Tables>;
  /** Has something done once the transaction is committed, such as waking the worker. Not done when it is undone, replayed or a dry run. */
  readonly afterCommit: (work: () => void) => void;
}

/**
 * One operation. The layer around it decodes and checks the input, replays client tokens, answers dry runs, and fills `requestId` and
 * `clientToken` of the output where the operation has them and the handler left them out.
 */
export type Handler<O extends OperationName> = (input: OperationInput<O>, context: OperationContext) => Promise<OperationOutput<O>>;

/** A handler for every operation: a missing one does not compile. */
export type Handlers = { readonly [O in OperationName]: Handler<O> };
