/** The contract between users of secrets and the providers that keep them. README.md says how to add one. */
import type { SecretReference } from '../documents/component/secret-references.ts';
import { parseStoreArn } from '../resources/store-arns.ts';

/** A request for a secret. */
export interface SecretQuery extends Omit<SecretReference, 'kind' | 'text' | 'key'> {
  /** Account of the image that is built; for `ingot toe`, of the data directory's first key pair. */
  readonly account: string;
  readonly region: string;
}

/** The process that looks for secrets, in users' words. The worker is part of the server. */
export type Program = 'the server' | 'ingot';

/** A source of secrets. */
export interface SecretProvider {
  /** Where it looks for this secret, for messages: `the file /etc/ingot/secrets/db`. Never a value. */
  describe(query: SecretQuery): string;
  /**
   * The secret's text; `undefined` if it does not have this secret.
   * @throws {SecretError} if it cannot be read
   */
  look(query: SecretQuery, signal?: AbortSignal): Promise<string | undefined>;
}

/** One kind of provider. */
export interface ProviderType {
  /** Its settings besides `type`, `services` and `accounts`. */
  readonly settings: readonly string[];
  /**
   * Makes a provider from its settings; `fault` receives each error, with the setting's name.
   * @param program what users call this process, for messages
   */
  make(
    settings: Readonly<Record<string, unknown>>,
    fault: (setting: string, problem: string) => void,
    program: Program,
  ): SecretProvider;
}

/** A secret is not available. The message names it and says what to do, and never contains a value. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}

/** Editors and `echo` add a newline that is not part of the secret. */
export function withoutLastNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}

/**
 * The name of a secret in an ARN, or the name itself. Without the six characters that AWS appends to names in Secrets
 * Manager.
 */
export function plainName({ service, name }: Pick<SecretQuery, 'service' | 'name'>): string {
  const arn = parseStoreArn(name);
  if (arn === undefined) return name;
  return service === 'secretsmanager' ? arn.name.replace(/-[A-Za-z0-9]{6}$/, '') : `/${arn.name}`;
}
