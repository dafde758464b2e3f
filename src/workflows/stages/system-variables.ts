/** `$.imagebuilder.*`. Source: reference, `workflows.md` section 2. */
import type { ImagePlan, Stage } from '../planning/image-plan.ts';

const PHASE: Readonly<Record<Stage, string>> = { BUILD: 'Build', TEST: 'Test', DISTRIBUTION: 'Distribution' };

/** The system variables that a workflow of this image sees. */
export function systemVariables(
  { image, arn, workingDirectory }: Pick<ImagePlan, 'image' | 'arn' | 'workingDirectory'>,
  stage: Stage,
): Readonly<Record<string, unknown>> {
  const infrastructure = image.infrastructureConfiguration;
  const [version, build] = (image.version ?? '').split('/');
  return {
    cloudWatchLogGroup: `/aws/imagebuilder/${image.name}`,
    cloudWatchLogStream: image.version,
    collectImageMetadata: image.enhancedImageMetadataEnabled ?? true,
    collectImageScanFindings: image.imageScanningConfiguration?.imageScanningEnabled ?? false,
    dateTime: image.dateCreated,
    imageBuildNumber: Number(build),
    imageId: (image.imageRecipe ?? image.containerRecipe)?.parentImage,
    imageName: image.name,
    imageType: image.type === 'DOCKER' ? 'DOCKER' : 'AMI',
    imageVersionNumber: version,
    instanceProfileName: infrastructure?.instanceProfileName,
    platform: image.platform ?? 'Linux',
    s3Logs: infrastructure?.logging?.s3Logs ?? {},
    securityGroups: infrastructure?.securityGroupIds ?? [],
    sourceImageARN: arn,
    subnetId: infrastructure?.subnetId ?? '',
    terminateInstanceOnFailure: infrastructure?.terminateInstanceOnFailure ?? true,
    workflowPhase: PHASE[stage],
    workingDirectory,
  };
}
