/** The contract between those who need secrets and the providers that keep them. README.md says how to add one. */
import type { SecretReference } from '../documents/component/secret-references.ts';
import { parseStoreArn } from '../resources/store-arns.ts';

/** Which secret is wanted, and for whom. */
export interface SecretQuery extends Omit<SecretReference, 'kind' | 'text' | 'key'> {
  /** Of the image that is built; of the data directory's first account on a laptop. */
  readonly account: string;
  readonly region: string;
}

/** What users call the process that looks for secrets: the worker is the server's. */
export type Program = 'the server' | 'ingot';

/** Where secrets come from. */
export interface SecretProvider {
  /** For messages: where it looks for this one, such as `the file /etc/ingot/secrets/db`. Never a value. */
  describe(query: SecretQuery): string;
  /**
   * The secret's text; `undefined` when it has none of this name.
   * @throws {SecretError} when it cannot tell
   */
  look(query: SecretQuery, signal?: AbortSignal): Promise<string | undefined>;
}

/** One kind of provider. */
export interface ProviderType {
  /** Its settings beside `type`, `services` and `accounts`. */
  readonly settings: readonly string[];
  /**
   * Makes one of its settings; what is wrong with them goes to `fault`, with the setting's name.
   * @param program what users call this process, for messages
   */
  make(
    settings: Readonly<Record<string, unknown>>,
    fault: (setting: string, problem: string) => void,
    program: Program,
  ): SecretProvider;
}

/** A secret that is not to be had. The message names it and says what to do; it never holds a value. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}

/** Editors and `echo` put a newline at the end of what is none of the secret. */
export function withoutLastNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}

/**
 * The name of a secret that an ARN names, or the name itself. Of Secrets Manager without the six characters that AWS
 * adds at its end.
 */
export function plainName({ service, name }: Pick<SecretQuery, 'service' | 'name'>): string {
  const arn = parseStoreArn(name);
  if (arn === undefined) return name;
  return service === 'secretsmanager' ? arn.name.replace(/-[A-Za-z0-9]{6}$/, '') : `/${arn.name}`;
}
