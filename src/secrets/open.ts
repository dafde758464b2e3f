/** The secrets that a data directory's configuration gives access to. */
import { readConfig } from '../platform/config/config.ts';
import type { Program } from './provider.ts';
import { configuredProviders } from './providers.ts';
import { Secrets } from './secrets.ts';

/**
 * Makes the secrets of a data directory. Nothing is read until the first secret is needed, and then the configuration
 * of that moment.
 * @param program what users call this process, for messages
 */
export function openSecrets(
  dataDirectory: string,
  account: string,
  region: string,
  program: Program = 'the server',
): Secrets {
  return new Secrets({
    account,
    region,
    providers: async () => {
      const { secrets, homeAccount } = await readConfig(dataDirectory);
      return configuredProviders(secrets, homeAccount, program);
    },
  });
}
