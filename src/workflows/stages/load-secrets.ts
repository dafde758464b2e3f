/** Fetches the secrets of an image's components before its build. */
import { SecretError } from '../../secrets/provider.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import type { StepControl } from '../machines/image-progress.ts';
import type { ResolvedComponent } from '../planning/image-plan.ts';

/**
 * Fetches the secrets that the components use, so that a missing one is reported before the build, and all are masked
 * from the start.
 * @throws with the name of each one that cannot be fetched
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
