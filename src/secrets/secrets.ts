/** Secrets while a document runs: fetched once, kept in memory only, and masked in all output. */
import type { SecretReference } from '../documents/component/secret-references.ts';
import type { Report } from '../resources/progress.ts';
import { LEAST_MASKED, Mask } from './mask.ts';
import { SecretError, type SecretProvider, type SecretQuery } from './provider.ts';
import type { ConfiguredProvider } from './providers.ts';

/** The account that needs secrets, and the providers. */
export interface SecretsOptions {
  /**
   * Called when the first secret is needed.
   * @throws {ConfigError}
   */
  readonly providers: () => Promise<readonly ConfiguredProvider[]>;
  readonly account: string;
  readonly region: string;
}

/** The secrets of one image, or of one run. */
export class Secrets {
  readonly mask = new Mask();
  readonly #options: SecretsOptions;
  readonly #texts = new Map<string, Promise<string>>();
  readonly #values = new Map<string, string>();
  #providers: Promise<readonly ConfiguredProvider[]> | undefined;

  constructor(options: SecretsOptions) {
    this.#options = options;
  }

  /**
   * Fetches the secrets that are not loaded yet, so that `value` has them.
   * @param report called for a value that is too short to be masked
   * @throws {SecretError} naming every secret that is not available, and why
   */
  async load(references: readonly SecretReference[], report?: Report, signal?: AbortSignal): Promise<void> {
    const problems = new Set<string>();
    for (const reference of references) {
      if (this.#values.has(idOf(reference))) continue;
      try {
        const value = memberOf(reference, await this.#text(reference, signal));
        this.#values.set(idOf(reference), value);
        if (reference.service === 'ssm' || this.mask.add(value)) continue;
        report?.({
          type: 'log',
          level: 'warn',
          text: `${nameOf(reference)} has fewer than ${LEAST_MASKED} characters: it is too short to be masked`,
        });
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof SecretError)) throw error;
        problems.add(error.message);
      }
    }
    if (problems.size > 0) throw new SecretError([...problems].join('; '));
  }

  /** The value of a loaded secret. */
  value(reference: SecretReference): string | undefined {
    return this.#values.get(idOf(reference));
  }

  /** A report function that masks secrets. */
  masked(report: Report): Report {
    return (event) => report({ ...event, text: this.mask.text(event.text) });
  }

  /** One request for all members of a secret. */
  #text(reference: SecretReference, signal: AbortSignal | undefined): Promise<string> {
    const id = idOf({ ...reference, key: undefined });
    const known = this.#texts.get(id);
    if (known !== undefined) return known;
    const asked = this.#ask(reference, signal);
    this.#texts.set(id, asked);
    asked.catch(() => this.#texts.delete(id));
    return asked;
  }

  async #ask(reference: SecretReference, signal: AbortSignal | undefined): Promise<string> {
    this.#providers ??= this.#options.providers();
    const { account, region } = this.#options;
    const { kind: _, text: __, key: ___, ...wanted } = reference;
    const query: SecretQuery = { ...wanted, account, region };
    const asked: SecretProvider[] = (await this.#providers).filter((provider) => provider.answers(query));
    for (const provider of asked) {
      try {
        const text = await provider.look(query, signal);
        if (text !== undefined) return text;
      } catch (error) {
        if (!(error instanceof SecretError)) throw error;
        throw new SecretError(`${nameOf(reference)} could not be read: ${error.message}`, { cause: error });
      }
    }
    const where = asked.map((provider) => provider.describe(query)).join(', nor ');
    throw new SecretError(
      where === ''
        ? `no secrets provider is configured for ${nameOf(reference)} of account ${account}: add one under 'secrets' ` +
            'in config.yaml'
        : `${nameOf(reference)} not found in ${where}. Check 'secrets' in config.yaml, which lists the providers`,
    );
  }
}

/** The secret's name, for messages. */
function nameOf({ service, name, stage, version }: SecretReference): string {
  const which = [stage, version].filter((part) => part !== undefined).join(' ');
  return `${service === 'secretsmanager' ? 'secret' : 'parameter'} '${name}'${which === '' ? '' : ` (${which})`}`;
}

function idOf(
  reference: Omit<SecretReference, 'key' | 'text' | 'kind'> & { readonly key?: string | undefined },
): string {
  return JSON.stringify([reference.service, reference.name, reference.stage, reference.version, reference.key]);
}

function memberOf(reference: SecretReference, text: string): string {
  const { key } = reference;
  if (key === undefined) return text;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's message would show the secret.
    throw new SecretError(`${nameOf(reference)} is not JSON, so it has no member '${key}'`);
  }
  const member: unknown =
    typeof parsed === 'object' && parsed !== null && Object.hasOwn(parsed, key)
      ? (parsed as Readonly<Record<string, unknown>>)[key]
      : undefined;
  if (member === undefined || member === null) throw new SecretError(`${nameOf(reference)} has no member '${key}'`);
  return typeof member === 'object' ? JSON.stringify(member) : String(member);
}
