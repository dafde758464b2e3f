/** Finding AMIs. */
import type * as sdk from '@aws-sdk/client-ec2';
import { launchPermissionOf, namesAccount, usableAmis } from '../../../catalog/ami-sharing.ts';
import type { Ami } from '../../../catalog/amis.ts';
import { lastLaunchOf } from '../../../catalog/instances.ts';
import type { Place } from '../../../catalog/slices.ts';
import { pageOf } from '../paging.ts';
import type { InputOf, Operations, ServiceContext } from '../service.ts';
import { imageArn } from './arns.ts';
import { describedImage, tagsOfAmi } from './described.ts';
import { amiNotFound, checkIds, invalidCombination, invalidParameter, notOwner } from './errors.ts';
import { filtered, type FilterValues } from './filters.ts';

type DescribeImages = InputOf<typeof sdk, 'DescribeImages'>;

/** AMIs that the caller may use. */
export function imagesFor(context: ServiceContext): Promise<readonly Ami[]> {
  return usableAmis(context.db, context, context.services.catalog.managed.settings.organizations);
}

/**
 * An AMI that the caller may use.
 * @throws {ServiceError} InvalidAMIID.Malformed, InvalidAMIID.NotFound
 */
async function imageFor(context: ServiceContext, id: string): Promise<Ami> {
  checkIds('ami', [id]);
  const ami = (await imagesFor(context)).find((each) => each.id === id);
  if (ami === undefined) throw amiNotFound([id]);
  return ami;
}

/** An AMI that the caller may change. @throws {ServiceError} as `imageFor`; AuthFailure if another account owns it */
export async function ownImage(context: ServiceContext, id: string): Promise<Ami> {
  const ami = await imageFor(context, id);
  if (ami.account !== context.account) throw notOwner(id);
  return ami;
}

const IMAGE_FILTERS: FilterValues<sdk.Image> = {
  architecture: ({ Architecture }) => [Architecture],
  'block-device-mapping.delete-on-termination': () => ['true'],
  'block-device-mapping.device-name': ({ RootDeviceName }) => [RootDeviceName],
  'block-device-mapping.encrypted': (image) => [String(image.BlockDeviceMappings?.[0]?.Ebs?.Encrypted)],
  'block-device-mapping.snapshot-id': (image) => [image.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId],
  'block-device-mapping.volume-size': (image) => [String(image.BlockDeviceMappings?.[0]?.Ebs?.VolumeSize)],
  'block-device-mapping.volume-type': () => ['gp3'],
  'creation-date': ({ CreationDate }) => [CreationDate],
  description: ({ Description }) => [Description],
  'ena-support': ({ EnaSupport }) => [String(EnaSupport)],
  hypervisor: ({ Hypervisor }) => [Hypervisor],
  'image-id': ({ ImageId }) => [ImageId],
  'image-type': ({ ImageType }) => [ImageType],
  'is-public': (image) => [String(image.Public)],
  'manifest-location': ({ ImageLocation }) => [ImageLocation],
  name: ({ Name }) => [Name],
  'owner-alias': () => [],
  'owner-id': ({ OwnerId }) => [OwnerId],
  platform: ({ Platform }) => [Platform?.toLowerCase()],
  'root-device-name': ({ RootDeviceName }) => [RootDeviceName],
  'root-device-type': ({ RootDeviceType }) => [RootDeviceType],
  'source-image-id': ({ SourceImageId }) => [SourceImageId],
  'source-image-region': ({ SourceImageRegion }) => [SourceImageRegion],
  'sriov-net-support': ({ SriovNetSupport }) => [SriovNetSupport],
  state: ({ State }) => [State],
  'virtualization-type': ({ VirtualizationType }) => [VirtualizationType],
};
/** Aliases of owners that exist on AWS only: no AMI here belongs to them. */
const ALIASES = ['amazon', 'aws-marketplace', 'aws-backup-vault'];

/** Whether an AMI matches the owners and users of the request. */
function isAsked(ami: Ami, { Owners = [], ExecutableUsers = [] }: DescribeImages, context: ServiceContext): boolean {
  const { account, services } = context;
  const { organizations } = services.catalog.managed.settings;
  const permission = launchPermissionOf(ami);
  const owned = (owner: string): boolean => ami.account === (owner === 'self' ? account : owner);
  const executable = (user: string): boolean =>
    user === 'all'
      ? permission.userGroups?.includes('all') === true
      : user === 'self'
        ? namesAccount(permission, account, organizations)
        : ami.account === account && permission.userIds?.includes(user) === true;
  return (
    (Owners.length === 0 || Owners.some(owned)) && (ExecutableUsers.length === 0 || ExecutableUsers.some(executable))
  );
}

async function describeImages(input: DescribeImages, context: ServiceContext): Promise<sdk.DescribeImagesResult> {
  const { ImageIds = [], Owners = [], ExecutableUsers = [], IncludeDeprecated, IncludeDisabled, MaxResults } = input;
  if (ImageIds.length > 0 && MaxResults !== undefined)
    throw invalidCombination('The parameter imageIdsSet cannot be used with the parameter maxResults');
  checkIds('ami', ImageIds);
  for (const owner of Owners)
    if (owner !== 'self' && !ALIASES.includes(owner) && !/^\d{12}$/.test(owner))
      throw invalidParameter(
        `Invalid owner: '${owner.slice(0, 64)}'. Use self, an account id, or one of ${ALIASES.join(', ')}.`,
      );
  for (const user of ExecutableUsers)
    if (user !== 'self' && user !== 'all' && !/^\d{12}$/.test(user))
      throw invalidParameter(`Invalid executable user: '${user.slice(0, 64)}'. Use self, all or an account id.`);
  const usable = await imagesFor(context);
  const missing = ImageIds.filter((id) => !usable.some((ami) => ami.id === id));
  if (missing.length > 0) throw amiNotFound(missing);
  const now = new Date(context.now).toISOString();
  const shown = usable.filter(
    (ami) =>
      (ImageIds.length === 0 || ImageIds.includes(ami.id)) &&
      isAsked(ami, input, context) &&
      // A disabled AMI is visible to its owner only, and only on request.
      (ami.state !== 'disabled' || IncludeDisabled === true || ImageIds.includes(ami.id)) &&
      (ami.deprecation_time === null ||
        ami.deprecation_time > now ||
        ami.account === context.account ||
        IncludeDeprecated === true ||
        ImageIds.includes(ami.id)),
  );
  const images = await Promise.all(shown.map((ami) => describedImage(ami, context)));
  const tags = new Map(shown.map((ami) => [ami.id, ami.account === context.account ? tagsOfAmi(ami) : {}]));
  const found = filtered(images, input.Filters, IMAGE_FILTERS, ({ ImageId }) => tags.get(ImageId!) ?? {});
  const page = pageOf(input, context, { least: 5, most: 1000, usual: Infinity, shape: ['string', 'string'] });
  const { items, nextToken } = page.cutAll(found, ({ CreationDate, ImageId }) => [CreationDate!, ImageId!]);
  return { Images: items, NextToken: nextToken };
}

const needs = ({ ImageId }: { readonly ImageId: string }, place: Place) => [{ resource: imageArn(ImageId, place) }];

/** A launch permission in the form of EC2's responses. */
function permissionItems(ami: Ami): sdk.LaunchPermission[] {
  const { userIds = [], userGroups = [], organizationArns = [], organizationalUnitArns = [] } = launchPermissionOf(ami);
  return [
    ...userGroups.map((Group) => ({ Group: Group as 'all' })),
    ...userIds.map((UserId) => ({ UserId })),
    ...organizationArns.map((OrganizationArn) => ({ OrganizationArn })),
    ...organizationalUnitArns.map((OrganizationalUnitArn) => ({ OrganizationalUnitArn })),
  ];
}

export const images = {
  DescribeImages: {
    mutating: false,
    takes: [
      'ImageIds',
      'Owners',
      'ExecutableUsers',
      'IncludeDeprecated',
      'IncludeDisabled',
      'Filters',
      'MaxResults',
      'NextToken',
      'DryRun',
    ],
    needs: () => [{ resource: '*' }],
    run: describeImages,
  },

  DescribeImageAttribute: {
    mutating: false,
    takes: ['ImageId', 'Attribute', 'DryRun'],
    needs,
    async run({ ImageId, Attribute }, context) {
      const ami = await ownImage(context, ImageId);
      switch (Attribute) {
        case 'description':
          return { ImageId, Description: { Value: ami.description ?? undefined } };
        case 'launchPermission':
          return { ImageId, LaunchPermissions: permissionItems(ami) };
        case 'sriovNetSupport':
          return { ImageId, SriovNetSupport: { Value: 'simple' } };
        case 'productCodes':
          return { ImageId, ProductCodes: [] };
        case 'deregistrationProtection':
          return { ImageId, DeregistrationProtection: { Value: 'disabled' } };
        case 'lastLaunchedTime':
          return { ImageId, LastLaunchedTime: { Value: await lastLaunchOf(context.db, ImageId) } };
        default:
          throw invalidParameter(
            `The attribute '${String(Attribute).slice(0, 64)}' is not supported by this version of Ingot. It has: ` +
              'description, launchPermission, sriovNetSupport, productCodes, deregistrationProtection, ' +
              'lastLaunchedTime.',
          );
      }
    },
  },
} satisfies Operations<typeof sdk>;
