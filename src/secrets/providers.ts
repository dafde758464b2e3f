/** The register of providers, and the providers of a configuration. */
import { SECRET_SERVICES } from '../documents/component/secret-references.ts';
import { ConfigError } from '../platform/config/config.ts';
import { accounts as readAccounts, isFor } from '../platform/config/reading.ts';
import { aws } from './aws.ts';
import { command } from './command.ts';
import { environment } from './environment.ts';
import { file } from './file.ts';
import type { Program, ProviderType, SecretProvider, SecretQuery } from './provider.ts';

/** Every kind of provider, by its `type` in `config.yaml`. */
export const providerTypes: Readonly<Record<string, ProviderType>> = { aws, command, environment, file };

/** A provider, and which secrets it provides. */
export interface ConfiguredProvider extends SecretProvider {
  /** Whether the provider is tried for this secret. */
  answers(query: SecretQuery): boolean;
}

/** The default. */
const DEFAULT: readonly Readonly<Record<string, unknown>>[] = [{ type: 'environment' }];

/**
 * The providers of a configuration, in the order in which they are tried.
 * @param settings the `secrets` section
 * @param home account of the first key pair, the only one that a provider without accounts serves
 * @param program what users call this process, for messages
 * @throws {ConfigError} with every fault
 */
export function configuredProviders(
  settings: readonly Readonly<Record<string, unknown>>[] | undefined,
  home: string,
  program: Program = 'the server',
): readonly ConfiguredProvider[] {
  const faults: string[] = [];
  const providers = (settings ?? DEFAULT).map(({ type, services, accounts, ...own }, index) => {
    const place = `secrets[${index}]`;
    const kind = typeof type === 'string' && Object.hasOwn(providerTypes, type) ? providerTypes[type] : undefined;
    if (kind === undefined) {
      faults.push(`${place}.type: must be one of ${Object.keys(providerTypes).join(', ')}`);
      return undefined;
    }
    for (const name of Object.keys(own))
      if (!kind.settings.includes(name))
        faults.push(
          `${place}.${name}: unknown setting; expected one of type, services, accounts, ${kind.settings.join(', ')}`,
        );
    const ofServices = words(
      services,
      `${place}.services`,
      (word) => (SECRET_SERVICES as readonly string[]).includes(word),
      `must be a list of ${SECRET_SERVICES.join(', ')}`,
      faults,
    );
    const ofAccounts = readAccounts(accounts, `${place}.accounts`, faults, home);
    const provider = kind.make(own, (setting, problem) => faults.push(`${place}.${setting}: ${problem}`), program);
    return {
      ...provider,
      answers: ({ service, account }: SecretQuery) =>
        (ofServices?.includes(service) ?? true) && isFor(ofAccounts, account),
    };
  });
  if (faults.length > 0) throw new ConfigError(faults.map((fault) => `config.yaml: ${fault}`).join('\n'));
  return providers.filter((provider) => provider !== undefined);
}

function words(
  value: unknown,
  place: string,
  good: (word: string) => boolean,
  problem: string,
  faults: string[],
): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const list = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  if (list.every((word) => typeof word === 'string' && good(word))) return list as readonly string[];
  faults.push(`${place}: ${problem}`);
  return undefined;
}
