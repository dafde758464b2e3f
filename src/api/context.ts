/** The services of the API, and the context of an operation's handler. */
import type { Kysely } from 'kysely';
import type { Catalog } from '../catalog/catalog.ts';
import type { Tables } from '../catalog/tables.ts';
import type { LaunchService, Owner } from '../launches/types.ts';
import type { IndexSource } from '../pipelines/packages/outdated.ts';
import type { StorageService } from '../storage/storage.ts';
import type { AuditLog } from '../catalog/audit-log.ts';
import type { Config } from '../platform/config/config.ts';
import type { Call } from './audit.ts';
import type { Identities, Identity } from './access/identities.ts';
import type { OperationInput, OperationName, OperationOutput } from './model.ts';

/** What the process gives to the API. */
export interface ApiServices {
  readonly catalog: Catalog;
  readonly identities: Identities;
  readonly config: Config;
  readonly audit: AuditLog;
  /** Account id of the key pair that the first start makes: the account that the server itself belongs to. */
  readonly defaultAccount: string;
  /** Whether the worker process answers. */
  readonly worker: () => { readonly up: boolean; readonly silentSeconds: number };
  /** Tells the worker that there may be something to do. Never throws. */
  readonly wakeWorker: () => void;
  readonly launches: LaunchService;
  readonly storage: StorageService;
  /** Reads package indexes of distributions. */
  readonly packageIndexes: IndexSource;
  readonly version: string;
  /** Absolute path. */
  readonly dataDirectory: string;
  /** Asks this process to stop; returns at once. */
  readonly shutdown: () => void;
}

/** The text of a uri, or why it could not be read. */
export type UriText = { readonly text: string } | { readonly fault: string };

/** Texts by their uris. */
export type UriTexts = ReadonlyMap<string, UriText>;

/** The caller, the place, and the request's facts. */
export interface RequestContext extends Owner {
  /** Account id of the caller, 12 digits. */
  readonly account: string;
  /** Region, from the signature's scope. */
  readonly region: string;
  /** What the audit log will say of it. */
  readonly call: Call;
  /** Who signed. */
  readonly identity: Identity;
  /** Address that the request came from. */
  readonly sourceIp: string;
  readonly userAgent: string | undefined;
  /** When it came, in milliseconds since 1970. */
  readonly now: number;
  /** Uuid, in the response's `x-amzn-RequestId` and, where the operation has it, its `requestId`. */
  readonly requestId: string;
  readonly services: ApiServices;
  /** Paths of members of the request that nobody knows, and that were left out. */
  readonly unknownMembers?: readonly string[];
  /** What the request names by `uri`, read before the transaction. */
  readonly uriTexts?: UriTexts;
  /** Of a dry run: why files that would come are not taken, by their SHA-256. */
  readonly fileFaults?: ReadonlyMap<string, string>;
}

/** What a handler is given besides its input. */
export interface OperationContext extends RequestContext {
  readonly operation: OperationName;
  /**
   * `semanticVersion` as the client wrote it, such as `2024.01.05`. The input has it as numbers, `2024.1.5`: ARNs and
   * comparisons use those, and `version` in answers is what the client wrote, which Terraform compares.
   */
  readonly writtenVersion?: string | undefined;
  /** ARNs of other accounts' resources, as the request names them, that the caller may use. */
  readonly opened: ReadonlySet<string>;
  /**
   * The catalogue. For an operation that changes something this is a transaction, begun before the handler and
   * committed after it (with the client token's row): an error of the handler rolls back everything that it wrote. So a
   * handler does only quick work on records.
   */
  readonly db: Kysely<Tables>;
  /**
   * Has something done once the transaction is committed, such as waking the worker. Not done when it is undone,
   * replayed or a dry run.
   */
  readonly afterCommit: (work: () => void) => void;
}

/** What starting a build needs of it: what starts pipelines by itself has no request. */
export type BuildContext = Pick<OperationContext, 'account' | 'region' | 'services' | 'opened' | 'db' | 'afterCommit'>;

/**
 * One operation. The layer around it decodes and checks the input, replays client tokens, answers dry runs, and fills
 * `requestId` and `clientToken` of the output where the operation has them and the handler left them out.
 */
export type Handler<O extends OperationName> = (
  input: OperationInput<O>,
  context: OperationContext,
) => Promise<OperationOutput<O>>;

/** A handler for every operation: a missing one does not compile. */
export type Handlers = { readonly [O in OperationName]: Handler<O> };
