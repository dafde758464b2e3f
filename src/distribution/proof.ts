/**
 * Checks before the build whether a distribution can be carried out: launch templates and parameters exist and fit,
 * roles of other accounts can be assumed. Reports all faults at once.
 */
import type { Queryable } from '../catalog/catalog.ts';
import { findLaunchTemplate } from '../catalog/launch-templates.ts';
import { getParameter } from '../catalog/parameters.ts';
import { getPrincipal } from '../catalog/principals.ts';
import { findRepository } from '../catalog/repositories.ts';
import { grants } from '../policies/decide.ts';
import { parsePolicy } from '../policies/document.ts';
import type { Config } from '../platform/config/config.ts';
import { NotGranted } from '../platform/config/reading.ts';
import { isRepositoryName } from '../resources/repositories.ts';
import type { DistributionPlan } from './plan.ts';
import { registryOf, type RepositoryRequest } from './registry/repositories.ts';

/** A member of the configuration that cannot be carried out. */
export interface DistributionFault {
  /** `distributions[0].launchTemplateConfigurations[1].launchTemplateId` */
  readonly path: string;
  readonly message: string;
}

/** The role in a target account that lets this account distribute images to it. Source: Image Builder User Guide. */
const CROSS_ACCOUNT_ROLE = 'EC2ImageBuilderDistributionCrossAccountRole';
const SERVICE_ROLE = 'aws-service-role/imagebuilder.amazonaws.com/AWSServiceRoleForImageBuilder';
/** Source: reference, `newer-members.md`. */
const MOST = { parameters: 10, templates: 5 };

/** The faults of a plan for an account; empty if it has none. */
export async function distributionFaults(
  db: Queryable,
  { regions }: DistributionPlan,
  account: string,
  registries: Config['registries'],
): Promise<readonly DistributionFault[]> {
  const faults: DistributionFault[] = [];
  const roles = new Map<string, string | undefined>();
  for (const { region, path, targetAccounts, configurations, container } of regions) {
    if (container !== undefined) {
      const wrong = await repositoryFault(db, { region, account, target: container }, registries);
      if (wrong !== undefined)
        faults.push({
          path: container.ofRecipe ? RECIPE_REPOSITORY : `${path}.containerDistributionConfiguration.targetRepository`,
          message: wrong,
        });
    }
    const { launchTemplateConfigurations: launchTemplates = [], ssmParameterConfigurations: parameters = [] } =
      configurations;
    const fault = (member: string, message: string): void => void faults.push({ path: `${path}.${member}`, message });
    if (launchTemplates.length > MOST.templates)
      fault('launchTemplateConfigurations', `a Region takes at most ${MOST.templates} launch templates`);
    if (parameters.length > MOST.parameters)
      fault('ssmParameterConfigurations', `a Region takes at most ${MOST.parameters} parameters`);
    for (const [index, target] of targetAccounts.entries()) {
      if (!roles.has(target)) roles.set(target, await roleFault(db, account, target));
      const wrong = roles.get(target);
      if (wrong !== undefined) fault(`amiDistributionConfiguration.targetAccountIds[${index}]`, wrong);
    }
    for (const [index, { launchTemplateId, accountId = account }] of launchTemplates.entries()) {
      const id = launchTemplateId!;
      const at = `launchTemplateConfigurations[${index}]`;
      if (accountId !== account && !targetAccounts.includes(accountId))
        fault(`${at}.accountId`, `the account ${accountId} is not one of the targetAccountIds`);
      else if ((await findLaunchTemplate(db, { account: accountId, region }, { id })) === undefined)
        fault(
          `${at}.launchTemplateId`,
          `the launch template ${id} does not exist in account ${accountId} in ${region}`,
        );
    }
    for (const [index, { parameterName, amiAccountId = account }] of parameters.entries()) {
      const name = parameterName!;
      const at = `ssmParameterConfigurations[${index}]`;
      if (amiAccountId !== account && !targetAccounts.includes(amiAccountId))
        fault(`${at}.amiAccountId`, `the account ${amiAccountId} is not one of the targetAccountIds`);
      const before = await getParameter(db, { account: amiAccountId, region }, name);
      if (before !== undefined && before.type !== 'String')
        fault(`${at}.parameterName`, `the parameter ${name} is a ${before.type}; an AMI needs a String`);
      if (/^\/?(aws|ssm)/i.test(name))
        fault(`${at}.parameterName`, `the name of the parameter ${name} begins with aws or ssm, which is reserved`);
    }
  }
  return faults;
}

/** The member of a container recipe. */
export const RECIPE_REPOSITORY = 'containerRecipe.targetRepository';

/** Why a container image cannot go to a repository of Ingot's registry, or `undefined`. */
async function repositoryFault(
  db: Queryable,
  request: RepositoryRequest,
  registries: Config['registries'],
): Promise<string | undefined> {
  const { region, account } = request;
  const name = request.target.repository;
  let elsewhere: object | undefined;
  try {
    elsewhere = registryOf(registries, request);
  } catch (error) {
    if (!(error instanceof NotGranted)) throw error;
    return error.message;
  }
  if (elsewhere !== undefined || (await findRepository(db, { account, region }, name)) !== undefined) return undefined;
  const missing =
    `The repository with name '${name}' does not exist in the registry with id '${account}' in ` + `${region}. `;
  return isRepositoryName(name)
    ? `${missing}Create it: aws ecr create-repository --repository-name ${name} --region ${region}`
    : `${missing}It is not a name that a repository of Amazon ECR can have; for a repository of another registry, ` +
        'list its host in registries of config.yaml.';
}

/** Why images cannot be distributed to an account, or `undefined`. */
async function roleFault(db: Queryable, account: string, target: string): Promise<string | undefined> {
  const arn = `arn:aws:iam::${target}:role/${CROSS_ACCOUNT_ROLE}`;
  const role = await getPrincipal(db, arn);
  const add =
    `Add it in account ${target}: ingot principals add role/${CROSS_ACCOUNT_ROLE} --account ${target} --trust FILE, ` +
    `with a trust policy that names ${account}.`;
  if (role?.trustPolicy === undefined) return `the role ${arn} does not exist. ${add}`;
  const read = parsePolicy(role.trustPolicy, 'trust');
  if ('faults' in read) return `the trust policy of ${arn} cannot be read: ${read.faults.join('; ')}`;
  const trusted = grants(read.policy, {
    principal: {
      type: 'assumed-role',
      account,
      arn: `arn:aws:sts::${account}:assumed-role/AWSServiceRoleForImageBuilder/distribution`,
      roleArn: `arn:aws:iam::${account}:role/${SERVICE_ROLE}`,
      id: 'distribution',
      tags: {},
    },
    action: 'sts:AssumeRole',
    resource: arn,
    resourceAccount: target,
    context: () => undefined,
  });
  return trusted === undefined ? `the trust policy of ${arn} does not let account ${account} assume it` : undefined;
}
