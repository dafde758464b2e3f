/** The services of the API, and the context of an operation's handler. */
import type { Kysely } from 'kysely';
import type { Catalog } from '../catalog/catalog.ts';
import type { Tables } from '../catalog/tables.ts';
import type { LocalRegistry } from '../distribution/registry/local-registry.ts';
import type { LaunchService, Owner } from '../launches/types.ts';
import type { IndexSource } from '../pipelines/packages/outdated.ts';
import type { StorageService } from '../storage/storage.ts';
import type { AuditLog } from '../catalog/audit-log.ts';
import type { Config } from '../platform/config/config.ts';
import type { Call } from './audit.ts';
import type { Identities, Identity } from './access/identities.ts';
import type { OperationInput, OperationName, OperationOutput } from './model.ts';

/** The services that the process gives to the API. */
export interface ApiServices {
  readonly catalog: Catalog;
  readonly identities: Identities;
  readonly config: Config;
  readonly audit: AuditLog;
  /** Account id of the key pair that the first start creates: the account that owns the server. */
  readonly defaultAccount: string;
  /** Whether the worker process responds. */
  readonly worker: () => { readonly up: boolean; readonly silentSeconds: number };
  /** Tells the worker that there may be work. Never throws. */
  readonly wakeWorker: () => void;
  readonly launches: LaunchService;
  readonly storage: StorageService;
  /** The container registry. */
  readonly registry: LocalRegistry;
  /** Reads the package indexes of distributions. */
  readonly packageIndexes: IndexSource;
  readonly version: string;
  /** Absolute path. */
  readonly dataDirectory: string;
  /** Asks this process to stop; returns at once. */
  readonly shutdown: (when: 'now' | 'idle') => void;
}

/** The text at a URI, or why it could not be read. */
export type UriText = { readonly text: string } | { readonly fault: string };

/** Texts by their URIs. */
export type UriTexts = ReadonlyMap<string, UriText>;

/** The caller, the Region, and other facts about the request. */
export interface RequestContext extends Owner {
  /** Account id of the caller, 12 digits. */
  readonly account: string;
  /** Region, from the signature's scope. */
  readonly region: string;
  /** The record of the call for the audit log. */
  readonly call: Call;
  /** The caller that signed the request. */
  readonly identity: Identity;
  /** Address that the request came from. */
  readonly sourceIp: string;
  readonly userAgent: string | undefined;
  /** By which name and port the client reached the server: `127.0.0.1:8700`. */
  readonly host: string;
  /** When the request arrived, in milliseconds since 1970. */
  readonly now: number;
  /** UUID of the request: the response's `x-amzn-RequestId` and, if the operation has it, its `requestId`. */
  readonly requestId: string;
  readonly services: ApiServices;
  /** Paths of unknown members of the request, which were dropped. */
  readonly unknownMembers?: readonly string[];
  /** Documents that the request names by `uri`, read before the transaction. */
  readonly uriTexts?: UriTexts;
  /** In a dry run: why files that would be uploaded are rejected, by their SHA-256. */
  readonly fileFaults?: ReadonlyMap<string, string>;
}

/** What a handler receives besides its input. */
export interface OperationContext extends RequestContext {
  readonly operation: OperationName;
  /**
   * `semanticVersion` as the client wrote it, such as `2024.01.05`. The input has the numbers, `2024.1.5`, which ARNs
   * and comparisons use. `version` in responses is what the client wrote, because Terraform compares it.
   */
  readonly writtenVersion?: string | undefined;
  /** ARNs of other accounts' resources, as the request names them, that the caller may use. */
  readonly opened: ReadonlySet<string>;
  /**
   * The catalogue. For a mutating operation this is a transaction, which begins before the handler and is committed
   * after it (with the client token's row). An error of the handler rolls it back. Other writers wait meanwhile, so a
   * handler does only quick work on records.
   */
  readonly db: Kysely<Tables>;
  /**
   * Runs work after the commit, such as waking the worker. Not run after a rollback, for a repeated client token, or in
   * a dry run.
   */
  readonly afterCommit: (work: () => void) => void;
}

/** What starting a build needs of the context: pipelines that start automatically have no request. */
export type BuildContext = Pick<OperationContext, 'account' | 'region' | 'services' | 'opened' | 'db' | 'afterCommit'>;

/**
 * One operation. The surrounding code decodes and validates the input, answers repeated client tokens and dry runs, and
 * adds `requestId` and `clientToken` to the output if the operation has them and the handler omitted them.
 */
export type Handler<O extends OperationName> = (
  input: OperationInput<O>,
  context: OperationContext,
) => Promise<OperationOutput<O>>;

/** A handler for every operation: a missing one does not compile. */
export type Handlers = { readonly [O in OperationName]: Handler<O> };
