/** Settings of receivers with secrets resolved. Values of secrets stay in memory and out of every message. */
import { readSecretReference } from '../documents/component/secret-references.ts';
import { openSecrets } from '../secrets/open.ts';
import { SecretError } from '../secrets/provider.ts';
import type { Secrets } from '../secrets/secrets.ts';
import type { Settings } from './receiver.ts';
import { SECRET_REFERENCE, type ConfiguredReceiver } from './settings.ts';

/** Resolved settings, and a function that removes the secrets from a text. */
interface ResolvedSettings {
  readonly settings: Settings;
  mask(text: string): string;
}

/**
 * Resolves secrets.
 * @param fresh fetches them again from the providers.
 * @throws {SecretError} if one cannot be fetched
 */
export type SettingsResolver = (receiver: ConfiguredReceiver, fresh: boolean) => Promise<ResolvedSettings>;

/** How long a fetched value is used, in milliseconds. */
const KEPT_MS = 300_000;

/**
 * Makes a resolver with the data directory's providers.
 * @param account of the root key pair: receivers belong to the operator
 */
export function settingsResolver(dataDirectory: string, account: string, region = 'us-east-1'): SettingsResolver {
  const kept = new Map<string, { readonly at: number; readonly secrets: Secrets }>();
  return async (receiver, fresh) => {
    const { settings, name } = receiver;
    const found = kept.get(name);
    const usable = !fresh && found !== undefined && Date.now() - found.at < KEPT_MS;
    const secrets = usable ? found.secrets : openSecrets(dataDirectory, account, region);
    if (!usable) kept.set(name, { at: Date.now(), secrets });
    return { settings: await filled(settings, secrets), mask: (text) => secrets.mask.text(text) };
  };
}

/** A setting with its references to secrets resolved. @throws {SecretError} */
export async function settingText(text: string, dataDirectory: string, account: string): Promise<string> {
  return text.search(SECRET_REFERENCE) < 0 ? text : filledText(text, openSecrets(dataDirectory, account, 'us-east-1'));
}

async function filled(settings: Settings, secrets: Secrets): Promise<Settings> {
  const fill = async (value: unknown): Promise<unknown> => {
    if (Array.isArray(value)) return Promise.all(value.map(fill));
    return typeof value === 'string' ? filledText(value, secrets) : value;
  };
  return Object.fromEntries(
    await Promise.all(Object.entries(settings).map(async ([name, value]) => [name, await fill(value)] as const)),
  );
}

async function filledText(text: string, secrets: Secrets): Promise<string> {
  const values = new Map<string, string>();
  for (const [whole, inside] of text.matchAll(SECRET_REFERENCE)) {
    const reference = readSecretReference(whole, inside!);
    if (reference === undefined || reference.kind === 'broken-secret')
      throw new SecretError(`'${whole}' is not a reference to a secret: ${reference?.problem ?? 'unknown form'}`);
    await secrets.load([reference]);
    values.set(whole, secrets.value(reference)!);
  }
  return text.replace(SECRET_REFERENCE, (whole) => values.get(whole)!);
}
