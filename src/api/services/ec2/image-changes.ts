/** Changes of AMIs: launch permissions, deprecation, state. */
import type * as sdk from '@aws-sdk/client-ec2';
import { launchPermissionOf, type LaunchPermission } from '../../../catalog/ami-sharing.ts';
import { updateAmi, type Ami } from '../../../catalog/amis.ts';
import type { Place } from '../../../catalog/slices.ts';
import { ServiceError } from '../errors.ts';
import type { InputOf, Operations } from '../service.ts';
import { imageArn } from './arns.ts';
import { invalidCombination, invalidParameter } from './errors.ts';
import { ownImage } from './images.ts';

type ModifyImageAttribute = InputOf<typeof sdk, 'ModifyImageAttribute'>;
type Kind = keyof LaunchPermission;

const FORMS: Readonly<Record<Kind, RegExp>> = {
  userIds: /^\d{12}$/,
  userGroups: /^all$/,
  organizationArns: /^arn:aws[a-z-]*:organizations::\d{12}:organization\/o-[a-z0-9]{4,32}$/,
  organizationalUnitArns: /^arn:aws[a-z-]*:organizations::\d{12}:ou\/o-[a-z0-9]{4,32}\/ou-[a-z0-9-]{4,70}$/,
};
/** Accounts, organizations and organizational units together. */
const MOST_PERMISSIONS = 100;

/** The permissions that a request adds or removes. */
function itemsOf(items: readonly sdk.LaunchPermission[] = []): LaunchPermission {
  const present = (values: readonly (string | undefined)[]): string[] => values.filter((each) => each !== undefined);
  return {
    userIds: present(items.map(({ UserId }) => UserId)),
    userGroups: present(items.map(({ Group }) => Group)),
    organizationArns: present(items.map(({ OrganizationArn }) => OrganizationArn)),
    organizationalUnitArns: present(items.map(({ OrganizationalUnitArn }) => OrganizationalUnitArn)),
  };
}

/** What a request adds and removes, from either of the two forms that EC2 accepts. */
function changesOf(input: ModifyImageAttribute): { readonly add: LaunchPermission; readonly remove: LaunchPermission } {
  const { LaunchPermission: nested, OperationType: operation } = input;
  const flat: LaunchPermission = {
    userIds: input.UserIds ?? [],
    userGroups: input.UserGroups ?? [],
    organizationArns: input.OrganizationArns ?? [],
    organizationalUnitArns: input.OrganizationalUnitArns ?? [],
  };
  const isFlat = Object.values(flat).some((values) => values.length > 0);
  if (nested !== undefined && isFlat)
    throw invalidCombination('Use LaunchPermission, or UserId and UserGroup with OperationType, not both.');
  if (!isFlat) return { add: itemsOf(nested?.Add), remove: itemsOf(nested?.Remove) };
  if (operation !== 'add' && operation !== 'remove')
    throw invalidParameter('OperationType must be add or remove when UserId or UserGroup is given.');
  return operation === 'add' ? { add: flat, remove: {} } : { add: {}, remove: flat };
}

/** Applies additions and removals to a permission. @throws {ServiceError} InvalidAMIAttributeItemValue */
function changedPermission(
  before: LaunchPermission,
  { add, remove }: { readonly add: LaunchPermission; readonly remove: LaunchPermission },
): LaunchPermission {
  const changed = Object.fromEntries(
    (Object.keys(FORMS) as Kind[]).map((kind) => {
      for (const value of [...(add[kind] ?? []), ...(remove[kind] ?? [])])
        if (!FORMS[kind].test(value))
          throw new ServiceError(
            'InvalidAMIAttributeItemValue',
            `Invalid attribute item value "${value.slice(0, 256)}" for ${kind} item type.`,
          );
      const values = new Set([...(before[kind] ?? []), ...(add[kind] ?? [])]);
      for (const value of remove[kind] ?? []) values.delete(value);
      return [kind, [...values]];
    }),
  ) as Readonly<Record<Kind, string[]>>;
  const given = Object.entries(changed).filter(([, values]) => values.length > 0);
  const count = given.reduce((sum, [, values]) => sum + values.length, 0);
  if (count > MOST_PERMISSIONS)
    throw new ServiceError('AMIQuotaExceeded', `An AMI takes ${MOST_PERMISSIONS} launch permissions, not ${count}.`);
  return Object.fromEntries(given);
}

const needs = ({ ImageId }: { readonly ImageId: string }, place: Place) => [{ resource: imageArn(ImageId, place) }];

/** Makes an operation that sets members of an AMI's record. */
function sets(changes: (ami: Ami) => Parameters<typeof updateAmi>[2]) {
  return {
    mutating: true as const,
    takes: ['ImageId', 'DryRun'] as const,
    needs,
    async run({ ImageId }: { readonly ImageId: string }, context: Parameters<typeof ownImage>[0]) {
      const ami = await ownImage(context, ImageId);
      await updateAmi(context.db, ImageId, changes(ami));
      return { Return: true };
    },
  };
}

export const imageChanges = {
  ModifyImageAttribute: {
    mutating: true,
    takes: [
      'ImageId',
      'Attribute',
      'Description',
      'LaunchPermission',
      'OperationType',
      'UserIds',
      'UserGroups',
      'OrganizationArns',
      'OrganizationalUnitArns',
      'Value',
      'DryRun',
    ],
    needs,
    async run(input, context) {
      const { ImageId, Attribute, Description, Value } = input;
      const ami = await ownImage(context, ImageId);
      if (Attribute !== undefined && Attribute !== 'description' && Attribute !== 'launchPermission')
        throw invalidParameter(`The attribute '${Attribute.slice(0, 64)}' cannot be changed here.`);
      const description = Description?.Value ?? (Attribute === 'description' ? Value : undefined);
      const changes = changesOf(input);
      const permission = changedPermission(launchPermissionOf(ami), changes);
      await updateAmi(context.db, ImageId, {
        ...(description === undefined ? {} : { description }),
        launch_permission: JSON.stringify(permission),
      });
      return {};
    },
  },

  ResetImageAttribute: {
    mutating: true,
    takes: ['ImageId', 'Attribute', 'DryRun'],
    needs,
    async run({ ImageId, Attribute }, context) {
      await ownImage(context, ImageId);
      if (Attribute !== 'launchPermission') throw invalidParameter('Only launchPermission can be reset.');
      await updateAmi(context.db, ImageId, { launch_permission: '{}' });
      return {};
    },
  },

  EnableImageDeprecation: {
    mutating: true,
    takes: ['ImageId', 'DeprecateAt', 'DryRun'],
    needs,
    async run({ ImageId, DeprecateAt }, context) {
      await ownImage(context, ImageId);
      if (DeprecateAt.getTime() <= context.now)
        throw invalidParameter(`DeprecateAt must be in the future, not ${DeprecateAt.toISOString()}.`);
      if (DeprecateAt.getTime() > context.now + 10 * 366 * 86_400_000)
        throw invalidParameter('DeprecateAt must be at most 10 years in the future.');
      // Rounded down to the minute, as on AWS.
      const time = new Date(Math.floor(DeprecateAt.getTime() / 60_000) * 60_000).toISOString();
      await updateAmi(context.db, ImageId, { deprecation_time: time });
      return { Return: true };
    },
  },

  DisableImageDeprecation: sets(() => ({ deprecation_time: null })),
  // Disabling an AMI removes its launch permissions, as on AWS.
  DisableImage: sets(() => ({ state: 'disabled', launch_permission: '{}' })),
  EnableImage: sets(() => ({ state: 'available' })),
} satisfies Operations<typeof sdk>;
