/** What happens to a Region's AMIs once they exist: launch permissions, launch templates, parameters. */
import type { LaunchTemplateConfiguration, SsmParameterConfiguration } from '@aws-sdk/client-imagebuilder';
import { updateAmi } from '../catalog/amis.ts';
import type { LaunchPermission } from '../catalog/ami-sharing.ts';
import type { Queryable } from '../catalog/catalog.ts';
import {
  addLaunchTemplateVersion,
  findLaunchTemplate,
  setDefaultVersion,
  versionsOf,
} from '../catalog/launch-templates.ts';
import { addParameterVersion, getParameter } from '../catalog/parameters.ts';

/** An AMI that distribution made, or could not make. */
export interface PlacedAmi {
  readonly region: string;
  readonly amiId?: string;
  readonly accountId: string;
}

/** The configurations of a Region. */
export interface RegionConfigurations {
  readonly region: string;
  readonly launchTemplateConfigurations?: readonly LaunchTemplateConfiguration[] | undefined;
  readonly ssmParameterConfigurations?: readonly SsmParameterConfiguration[] | undefined;
}

/** The recorded author of launch template versions. */
const MAKER = 'imagebuilder.amazonaws.com';

/** Sets the launch permissions of a Region's AMIs. */
export async function shareAmis(
  db: Queryable,
  amis: readonly PlacedAmi[],
  { region, permission }: { readonly region: string; readonly permission: LaunchPermission },
): Promise<void> {
  const given = Object.fromEntries(Object.entries(permission).filter(([, values]) => values.length > 0));
  for (const { amiId } of amis.filter((each) => each.region === region))
    if (amiId !== undefined) await updateAmi(db, amiId, { launch_permission: JSON.stringify(given) });
}

/**
 * Applies the configurations of a Region. It can be repeated: what is already done is skipped.
 * @param account of the image
 * @returns what was done, as sentences for the log
 * @throws {Error} if a launch template was deleted, or the Region has no AMI for an account
 */
export async function configureRegion(
  db: Queryable,
  account: string,
  amis: readonly PlacedAmi[],
  configurations: RegionConfigurations,
): Promise<readonly string[]> {
  const { region } = configurations;
  const amiOf = (owner: string): string => {
    const found = amis.find((ami) => ami.region === region && ami.accountId === owner);
    if (found?.amiId === undefined) throw new Error(`there is no AMI of account ${owner} in ${region}`);
    return found.amiId;
  };
  const done: string[] = [];
  for (const {
    launchTemplateId,
    accountId = account,
    setDefaultVersion: asked = true,
  } of configurations.launchTemplateConfigurations ?? []) {
    const id = launchTemplateId!;
    const template = await findLaunchTemplate(db, { account: accountId, region }, { id });
    if (template === undefined)
      throw new Error(`the launch template ${id} of account ${accountId} is not in ${region}`);
    const versions = await versionsOf(db, id);
    const latest = versions.at(-1)!;
    const data = JSON.parse(latest.data) as Readonly<Record<string, unknown>>;
    const ImageId = amiOf(accountId);
    const { version } =
      data['ImageId'] === ImageId
        ? latest
        : await addLaunchTemplateVersion(db, template, {
            createdBy: MAKER,
            description: `EC2 Image Builder: ${ImageId}`,
            data: JSON.stringify({ ...data, ImageId }),
          });
    if (asked) await setDefaultVersion(db, id, version);
    done.push(`${id} in ${region}: version ${version} has ${ImageId}${asked ? ', and is the default' : ''}`);
  }
  for (const {
    parameterName,
    amiAccountId = account,
    dataType = 'aws:ec2:image',
  } of configurations.ssmParameterConfigurations ?? []) {
    const name = parameterName!;
    const place = { account: amiAccountId, region };
    const value = amiOf(amiAccountId);
    const before = await getParameter(db, place, name);
    if (before !== undefined && before.type !== 'String')
      throw new Error(`the parameter ${name} in ${region} is a ${before.type}; an AMI needs a String`);
    if (before?.value !== value || before.dataType !== dataType)
      await addParameterVersion(db, place, { ...before, name, type: 'String', value, dataType, updatedBy: MAKER });
    done.push(`parameter ${name} in ${region}: ${value}`);
  }
  return done;
}
