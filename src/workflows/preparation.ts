/** What is settled before an image's first stage: its components' build versions, what is refused, what has no effect yet. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { resolveComponent } from '../catalog/resolve.ts';
import { parseComponentDocument } from '../documents/component/parse.ts';
import { secretsOfDocument } from '../documents/component/references.ts';
import { missingParameters } from '../documents/component/type.ts';
import { SecretError } from '../secrets/provider.ts';
import type { ImageWork, ResolvedComponent } from './image-work.ts';
import { asksForEncryption, mappingsWithoutEffect } from './volumes.ts';

/** The recipe's components in order, wildcards resolved to what is the newest now. @throws when one does not exist, or lacks a parameter */
export async function resolveComponents(work: ImageWork): Promise<readonly ResolvedComponent[]> {
  const resolved: ResolvedComponent[] = [];
  for (const { componentArn, parameters } of work.image.imageRecipe?.components ?? []) {
    const component = await resolveComponent(work.catalog, componentArn!);
    if (component?.data === undefined) throw new Error(`component ${componentArn} does not exist (any more)`);
    const given = Object.fromEntries((parameters ?? []).map(({ name, value }) => [name!, (value ?? []).join(',')]));
    const { document, faults } = parseComponentDocument(component.data);
    if (document === undefined) throw new Error(`component ${component.arn} is not valid: ${faults[0]?.message}`);
    const missing = missingParameters(document, given);
    if (missing.length > 0) throw new Error(`component ${component.arn} needs values for its parameters ${missing.join(', ')}`);
    resolved.push({ arn: component.arn!, name: component.name!, data: component.data, parameters: given });
  }
  return resolved;
}

/**
 * Fetches the secrets that the components name, so that a missing one is said before the build, and all of them are masked from its beginning.
 * @throws naming each that is not to be had
 */
export async function loadSecrets(work: ImageWork): Promise<void> {
  for (const { arn, data, parameters } of work.components) {
    const { document } = parseComponentDocument(data);
    if (document === undefined) continue; // Refused where it was resolved.
    await work.secrets.load(secretsOfDocument(document, parameters), work.report, work.signal).catch((error: unknown) => {
      throw error instanceof SecretError ? new Error(`component ${arn}: ${error.message}`, { cause: error }) : error;
    });
  }
}

/** Refuses what would be dangerous to ignore. */
export function refuseDangerous(image: Image): void {
  if (asksForEncryption(image.imageRecipe?.blockDeviceMappings)) throw new Error('the image recipe asks for an encrypted volume, which is not supported yet: it is not built without');
  for (const [index, { amiDistributionConfiguration }] of (image.distributionConfiguration?.distributions ?? []).entries()) {
    if (amiDistributionConfiguration?.kmsKeyId !== undefined) {
      throw new Error(`distributions[${index}].amiDistributionConfiguration.kmsKeyId asks for encryption, which is not supported yet: the image is not built without`);
    }
  }
}

/** Names in the log each member that is stored and has no effect yet. */
export function warnWithoutEffect(work: ImageWork): void {
  for (const path of membersWithoutEffect(work.image)) work.report({ type: 'log', level: 'warn', text: `${path} has no effect yet` });
}

/** Paths of members that an image's record holds and that nothing acts on yet; `docs/api.md` lists them too. */
export function membersWithoutEffect(image: Image): readonly string[] {
  const infrastructure = image.infrastructureConfiguration;
  const paths: string[] = [];
  for (const member of ['keyPair', 'snsTopicArn', 'logging', 'placement'] as const) {
    if (infrastructure?.[member] !== undefined) paths.push(`infrastructureConfiguration.${member}`);
  }
  if (infrastructure?.instanceMetadataOptions?.httpPutResponseHopLimit !== undefined) paths.push('infrastructureConfiguration.instanceMetadataOptions.httpPutResponseHopLimit');
  if ((infrastructure?.instanceTypes?.length ?? 0) > 1) paths.push('infrastructureConfiguration.instanceTypes[1…]');
  if (image.imageScanningConfiguration?.imageScanningEnabled) paths.push('imageScanningConfiguration.imageScanningEnabled');
  if (image.loggingConfiguration !== undefined) paths.push('loggingConfiguration');
  if (image.imageRecipe?.additionalInstanceConfiguration?.userDataOverride !== undefined) paths.push('imageRecipe.additionalInstanceConfiguration.userDataOverride');
  paths.push(...mappingsWithoutEffect(image.imageRecipe?.blockDeviceMappings));
  return paths;
}
