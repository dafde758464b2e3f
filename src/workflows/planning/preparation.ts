/** What is settled before an image's first stage: its components' build versions, what is refused, what has no effect yet. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { StoredComponent } from '../../catalog/components.ts';
import { componentForAccount, NotSharedError } from '../../catalog/sharing.ts';
import { readNamedDocuments } from '../../documents/component/named-documents.ts';
import { parseComponentDocument } from '../../documents/component/parse.ts';
import { secretsOfDocument } from '../../documents/component/references.ts';
import { missingParameters } from '../../documents/component/type.ts';
import { SecretError } from '../../secrets/provider.ts';
import type { ImageWork, ResolvedComponent } from '../image-work.ts';
import { asksForEncryption, mappingsWithoutEffect } from './volumes.ts';

/**
 * The recipe's components in order, wildcards resolved to what is the newest now. Every component, and every one that
 * their documents name, has to be
 * shared with the image's account now.
 * @throws when one does not exist, is not shared, or lacks a parameter
 */
export async function resolveComponents(work: ImageWork): Promise<readonly ResolvedComponent[]> {
  const resolved: ResolvedComponent[] = [];
  for (const { componentArn, parameters } of work.image.imageRecipe?.components ?? []) {
    const component = await componentForWork(work, componentArn!);
    if (component?.data === undefined) throw new Error(`component ${componentArn} does not exist (any more)`);
    const given = Object.fromEntries((parameters ?? []).map(({ name, value }) => [name!, (value ?? []).join(',')]));
    const { document, faults } = parseComponentDocument(component.data);
    if (document === undefined) throw new Error(`component ${component.arn} is not valid: ${faults[0]?.message}`);
    const missing = missingParameters(document, given);
    if (missing.length > 0)
      throw new Error(`component ${component.arn} needs values for its parameters ${missing.join(', ')}`);
    resolved.push({ arn: component.arn!, name: component.name!, data: component.data, parameters: given });
    await readNamedDocuments([{ document, parameters: given }], async (arn) => {
      const named = await componentForWork(work, arn, `, which ${component.arn} runs`);
      return named === undefined ? undefined : parseComponentDocument(named.data).document;
    });
  }
  return resolved;
}

/** @throws when it is another account's and not shared */
async function componentForWork(work: ImageWork, arn: string, why = ''): Promise<StoredComponent | undefined> {
  return componentForAccount(work.catalog, work, arn).catch((error: unknown) => {
    throw error instanceof NotSharedError
      ? new Error(`the account ${work.account} may not use the component ${arn}${why}: ${error.message}`, {
          cause: error,
        })
      : error;
  });
}

/**
 * Fetches the secrets that the components name, so that a missing one is said before the build, and all of them are masked from its beginning.
 * @throws naming each that is not to be had
 */
export async function loadSecrets(work: ImageWork): Promise<void> {
  for (const { arn, data, parameters } of work.components) {
    const { document } = parseComponentDocument(data);
    if (document === undefined) continue; // Refused where it was resolved.
    await work.secrets
      .load(secretsOfDocument(document, parameters), work.report, work.signal)
      .catch((error: unknown) => {
        throw error instanceof SecretError ? new Error(`component ${arn}: ${error.message}`, { cause: error }) : error;
      });
  }
}

/** Refuses what would be dangerous to ignore. */
export function refuseDangerous(image: Image): void {
  if (asksForEncryption(image.imageRecipe?.blockDeviceMappings))
    throw new Error(
      'the image recipe asks for an encrypted volume, which is not supported yet: it is not built without',
    );
  for (const [index, { amiDistributionConfiguration }] of (
    image.distributionConfiguration?.distributions ?? []
  ).entries()) {
    if (amiDistributionConfiguration?.kmsKeyId !== undefined) {
      throw new Error(
        `distributions[${index}].amiDistributionConfiguration.kmsKeyId asks for encryption, which is not supported yet: the image is not built without`,
      );
    }
  }
}

/** Names in the log each member that is stored and has no effect yet. */
export function warnWithoutEffect(work: ImageWork): void {
  for (const path of membersWithoutEffect(work.image))
    work.report({ type: 'log', level: 'warn', text: `${path} has no effect yet` });
}

/** Paths of members that an image's record holds and that nothing acts on yet; `docs/api.md` lists them too. */
export function membersWithoutEffect(image: Image): readonly string[] {
  const infrastructure = image.infrastructureConfiguration;
  const paths: string[] = [];
  for (const member of ['keyPair', 'snsTopicArn', 'logging', 'placement'] as const) {
    if (infrastructure?.[member] !== undefined) paths.push(`infrastructureConfiguration.${member}`);
  }
  if (infrastructure?.instanceMetadataOptions?.httpPutResponseHopLimit !== undefined)
    paths.push('infrastructureConfiguration.instanceMetadataOptions.httpPutResponseHopLimit');
  if ((infrastructure?.instanceTypes?.length ?? 0) > 1) paths.push('infrastructureConfiguration.instanceTypes[1…]');
  if (image.imageScanningConfiguration?.imageScanningEnabled)
    paths.push('imageScanningConfiguration.imageScanningEnabled');
  if (image.loggingConfiguration !== undefined) paths.push('loggingConfiguration');
  if (image.imageRecipe?.additionalInstanceConfiguration?.userDataOverride !== undefined)
    paths.push('imageRecipe.additionalInstanceConfiguration.userDataOverride');
  paths.push(...mappingsWithoutEffect(image.imageRecipe?.blockDeviceMappings));
  return paths;
}
