/**
 * The answers of the metadata service of an image's instances, and their identity on AWS: that of their instance
 * profile only.
 */
import { createHash } from 'node:crypto';
import type { InstanceMetadata } from '../../instances/services/metadata.ts';
import { timestamp } from '../../platform/clock.ts';
import type { InstanceProfile } from '../../platform/config/profiles.ts';
import { s3AccessOf } from '../../platform/s3-object.ts';
import type { S3Access } from '../../platform/s3-requests.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import type { ImagePlan } from '../planning/image-plan.ts';
import type { WorkLaunch } from './image-progress.ts';

/** The answers of an instance's metadata service. @param ami the image's own, which a test instance boots */
export function metadataFor(
  plan: Pick<ImagePlan, 'account' | 'region' | 'image' | 'instanceProfile'>,
  launch: Pick<WorkLaunch, 'instanceType' | 'parent' | 'purpose'>,
  ami: string | undefined,
): InstanceMetadata {
  const { image, instanceProfile } = plan;
  const { instanceMetadataOptions, securityGroupIds } = image.infrastructureConfiguration ?? {};
  const parent = image.imageRecipe?.parentImage;
  const userData = image.imageRecipe?.additionalInstanceConfiguration?.userDataOverride;
  return {
    account: plan.account,
    region: plan.region,
    imageId:
      (launch.purpose === 'test' ? ami : parent?.startsWith('ami-') ? parent : undefined) ??
      stableAmiId(launch.parent.key),
    instanceType: launch.instanceType,
    launched: timestamp(),
    // IMDSv1 only on request.
    tokens: instanceMetadataOptions?.httpTokens === 'optional' ? 'optional' : 'required',
    ...(userData === undefined || launch.purpose === 'test' ? {} : { userData }),
    ...(securityGroupIds?.length ? { securityGroups: securityGroupIds } : {}),
    ...(instanceProfile === undefined ? {} : { role: roleOf(instanceProfile) }),
  };
}

function roleOf({ name, profile }: NonNullable<ImagePlan['instanceProfile']>): InstanceMetadata['role'] {
  return { instanceProfileName: name, roleName: profile.role, credentials: profile.credentials };
}

/** An ID for a parent without an AMI record, such as a base image. */
function stableAmiId(key: string): string {
  return `ami-${createHash('sha256').update(key).digest('hex').slice(0, 17)}`;
}

/**
 * The S3 credentials of the image's instances; `undefined` if their profile has none. The caller asks once per
 * document.
 */
export function s3AccessFor(
  { instanceProfile, region }: Pick<ImagePlan, 'instanceProfile' | 'region'>,
  { mask }: Pick<Secrets, 'mask'>,
): () => Promise<S3Access | undefined> {
  const profile = instanceProfile?.profile;
  if (profile === undefined) return async () => undefined;
  const access = s3AccessOf(profile, region);
  return async () => {
    const given = await access();
    // Keeps credentials out of the log, even if something prints a request with its headers.
    for (const secret of [given.credentials.secretAccessKey, given.credentials.sessionToken])
      if (secret !== undefined) mask.add(secret);
    return given;
  };
}

/** Environment variables for commands in the image's instances, so that AWS's tools there use the same servers. */
export function profileEnvironment({
  instanceProfile,
}: Pick<ImagePlan, 'instanceProfile'>): Readonly<Record<string, string>> {
  return environmentOf(instanceProfile?.profile);
}

/** The environment variables for a profile. */
export function environmentOf(profile: InstanceProfile | undefined): Readonly<Record<string, string>> {
  return profile?.s3Endpoint === undefined ? {} : { AWS_ENDPOINT_URL_S3: profile.s3Endpoint };
}
