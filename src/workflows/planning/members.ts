/** Members of an image's record that have no effect yet. Pure. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { asksForEncryption, mappingsWithoutEffect } from './volumes.ts';

/** Paths of members in an image's record that have no effect yet; `docs/api.md` lists them too. */
export function membersWithoutEffect(image: Image): readonly string[] {
  const infrastructure = image.infrastructureConfiguration;
  const paths: string[] = [];
  for (const member of ['keyPair', 'placement'] as const) {
    if (infrastructure?.[member] !== undefined) paths.push(`infrastructureConfiguration.${member}`);
  }
  if (infrastructure?.instanceMetadataOptions?.httpPutResponseHopLimit !== undefined)
    paths.push('infrastructureConfiguration.instanceMetadataOptions.httpPutResponseHopLimit');
  if ((infrastructure?.instanceTypes?.length ?? 0) > 1) paths.push('infrastructureConfiguration.instanceTypes[1…]');
  for (const member of ['imageScanningTypes', 'scanResultCondition'] as const)
    if (image.imageScanningConfiguration?.[member] !== undefined) paths.push(`imageScanningConfiguration.${member}`);
  if (image.imageScanningConfiguration?.imageScanningEnabled)
    paths.push('imageScanningConfiguration.imageScanningEnabled');
  if (image.imageRecipe?.amiWatermarks !== undefined) paths.push('imageRecipe.amiWatermarks');
  if (image.imageRecipe?.additionalInstanceConfiguration?.userDataOverride !== undefined)
    paths.push('imageRecipe.additionalInstanceConfiguration.userDataOverride');
  paths.push(...mappingsWithoutEffect(image.imageRecipe?.blockDeviceMappings));
  // Of the disk that a container image is built on: no part of the image, so that the build is not refused for it.
  for (const [index, mapping] of (image.containerRecipe?.instanceConfiguration?.blockDeviceMappings ?? []).entries())
    if (asksForEncryption([mapping]))
      paths.push(`containerRecipe.instanceConfiguration.blockDeviceMappings[${index}].ebs, which requests encryption,`);
  return paths;
}
