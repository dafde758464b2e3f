/** What the instances of an image are told of themselves, and who they are outside: their instance profile, and nobody else. */
import { createHash } from 'node:crypto';
import { roleOf, type InstanceMetadata } from '../../instances/services/metadata.ts';
import { timestamp } from '../../platform/clock.ts';
import { instanceProfileFor, type InstanceProfile } from '../../platform/config-profiles.ts';
import { credentialProvider } from '../../platform/role-credentials.ts';
import type { S3Access } from '../../platform/s3-requests.ts';
import type { ImageWork } from '../image-work.ts';
import type { WorkLaunch } from './instances.ts';

/** The image's instance profile, where the configuration gives it credentials. */
function profileOf({ config, account, image }: ImageWork): InstanceProfile | undefined {
  return instanceProfileFor(
    config.instanceProfiles,
    image.infrastructureConfiguration?.instanceProfileName ?? '',
    account,
  );
}

/** @throws {NotGranted} when the image's instance profile belongs to other accounts */
export function refuseOthersProfile(work: ImageWork): void {
  profileOf(work);
}

/** What the metadata service of an instance says. */
export function metadataFor(
  work: ImageWork,
  launch: Pick<WorkLaunch, 'instanceType' | 'parent' | 'purpose'>,
): InstanceMetadata {
  const { image } = work;
  const { instanceMetadataOptions, securityGroupIds } = image.infrastructureConfiguration ?? {};
  const parent = image.imageRecipe?.parentImage;
  const userData = image.imageRecipe?.additionalInstanceConfiguration?.userDataOverride;
  const role = roleOf(
    work.config.instanceProfiles,
    image.infrastructureConfiguration?.instanceProfileName ?? '',
    work.account,
  );
  return {
    account: work.account,
    region: work.region,
    imageId:
      (launch.purpose === 'test' ? work.ami?.id : parent?.startsWith('ami-') ? parent : undefined) ??
      stableAmiId(launch.parent.key),
    instanceType: launch.instanceType,
    launched: timestamp(),
    // IMDSv1 only for those who ask for it.
    tokens: instanceMetadataOptions?.httpTokens === 'optional' ? 'optional' : 'required',
    ...(userData === undefined || launch.purpose === 'test' ? {} : { userData }),
    ...(securityGroupIds?.length ? { securityGroups: securityGroupIds } : {}),
    ...(role === undefined ? {} : { role }),
  };
}

/** An id for a parent that is no AMI on record, such as a base image. */
function stableAmiId(key: string): string {
  return `ami-${createHash('sha256').update(key).digest('hex').slice(0, 17)}`;
}

/** Who the image's instances are to S3; `undefined` where their profile has no credentials. The caller asks once for each document. */
export function s3AccessFor(work: ImageWork): () => Promise<S3Access | undefined> {
  const profile = profileOf(work);
  if (profile === undefined) return async () => undefined;
  const access = s3AccessOf(profile, work.region);
  return async () => {
    const given = await access();
    // Whatever prints a request, with its headers, prints no credentials into the log.
    for (const secret of [given.credentials.secretAccessKey, given.credentials.sessionToken])
      if (secret !== undefined) work.secrets.mask.add(secret);
    return given;
  };
}

/** Who instances of a profile are to S3. @param region where the profile names none */
export function s3AccessOf(profile: InstanceProfile, region: string): () => Promise<S3Access> {
  const credentials = credentialProvider(profile.credentials);
  return async () => ({
    credentials: await credentials(),
    region: profile.region ?? region,
    ...(profile.s3Endpoint === undefined ? {} : { endpoint: profile.s3Endpoint }),
  });
}

/** Environment variables that commands in the image's instances find, so that AWS's tools there ask the same servers. */
export function profileEnvironment(work: ImageWork): Readonly<Record<string, string>> {
  return environmentOf(profileOf(work));
}

/** The same for a profile. */
export function environmentOf(profile: InstanceProfile | undefined): Readonly<Record<string, string>> {
  return profile?.s3Endpoint === undefined ? {} : { AWS_ENDPOINT_URL_S3: profile.s3Endpoint };
}
