/** The secrets of an image's components, asked for before its build. */
import { SecretError } from '../../secrets/provider.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import type { StepControl } from '../machines/image-progress.ts';
import type { ResolvedComponent } from '../planning/image-plan.ts';

/**
 * Fetches the secrets that the components name, so that a missing one is said before the build, and all of them are
 * masked from its beginning.
 * @throws naming each that is not to be had
 */
export async function loadSecrets(
  components: readonly Pick<ResolvedComponent, 'arn' | 'secrets'>[],
  secrets: Secrets,
  { report, signal }: StepControl,
): Promise<void> {
  for (const { arn, secrets: named } of components) {
    await secrets.load(named, report, signal).catch((error: unknown) => {
      throw error instanceof SecretError ? new Error(`component ${arn}: ${error.message}`, { cause: error }) : error;
    });
  }
}
