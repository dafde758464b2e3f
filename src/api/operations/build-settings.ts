/** The settings that pipelines and images share: what is built, where, and how it is tested and distributed. */
import type {
  DistributionConfiguration,
  ImageTestsConfiguration,
  InfrastructureConfiguration,
  WorkflowConfiguration,
} from '@aws-sdk/client-imagebuilder';
import { containerRecipes, type StoredContainerRecipe } from '../../catalog/container-recipes.ts';
import { distributionConfigurations } from '../../catalog/distribution-configurations.ts';
import { imageRecipes, type StoredImageRecipe } from '../../catalog/image-recipes.ts';
import { infrastructureConfigurations } from '../../catalog/infrastructure-configurations.ts';
import { resolveRecipe, resolveWorkflow } from '../../catalog/resolve.ts';
import { parseArn } from '../../resources/arns.ts';
import {
  invalidParameterCombination,
  invalidParameterValue,
  invalidParameterValues,
  undefinedParameters,
  type ValueFault,
} from '../../resources/errors.ts';
import { ParsedDocuments } from '../../workflows/planning/parsed-documents.ts';
import { planWorkflow } from '../../workflows/planning/select-workflows.ts';
import type { BuildContext } from '../context.ts';
import { checkNumber } from '../quotas.ts';
import { isVisible } from './common.ts';

/** Members of the inputs of CreateImage, CreateImagePipeline and UpdateImagePipeline. */
export interface BuildSettings {
  readonly imageRecipeArn?: string | undefined;
  readonly containerRecipeArn?: string | undefined;
  readonly infrastructureConfigurationArn: string;
  readonly distributionConfigurationArn?: string | undefined;
  readonly imageTestsConfiguration?: ImageTestsConfiguration | undefined;
  readonly workflows?: readonly WorkflowConfiguration[] | undefined;
  readonly executionRole?: string | undefined;
}

/** The resources that the settings name. */
export interface FoundSettings {
  readonly recipe: StoredImageRecipe | StoredContainerRecipe;
  readonly infrastructure: InfrastructureConfiguration;
  readonly distribution?: DistributionConfiguration;
  /** Documents that were parsed while checking. */
  readonly documents: ParsedDocuments;
}

const LOG_GROUPS = '/aws/imagebuilder/';

/**
 * Checks build settings and finds the resources that they name.
 * @throws {ApiError} InvalidParameterCombinationException, InvalidParameterValueException
 */
export async function findSettings(context: BuildContext, settings: BuildSettings): Promise<FoundSettings> {
  const { imageRecipeArn, containerRecipeArn, infrastructureConfigurationArn, distributionConfigurationArn } = settings;
  if ((imageRecipeArn === undefined) === (containerRecipeArn === undefined)) {
    throw invalidParameterCombination('Give exactly one of imageRecipeArn and containerRecipeArn.');
  }
  const documents = new ParsedDocuments();
  await checkWorkflows(context, settings, documents);

  const recipe =
    imageRecipeArn !== undefined
      ? await findRecipe(context, 'imageRecipeArn', imageRecipeArn, imageRecipes)
      : await findRecipe(context, 'containerRecipeArn', containerRecipeArn!, containerRecipes);
  const infrastructure = isVisible(context, parseArn(infrastructureConfigurationArn))
    ? await infrastructureConfigurations.get(context.db, infrastructureConfigurationArn)
    : undefined;
  if (infrastructure === undefined) throw missing('infrastructureConfigurationArn', infrastructureConfigurationArn);
  if (distributionConfigurationArn === undefined) return { recipe, infrastructure, documents };
  const distribution = isVisible(context, parseArn(distributionConfigurationArn))
    ? await distributionConfigurations.get(context.db, distributionConfigurationArn)
    : undefined;
  if (distribution === undefined) throw missing('distributionConfigurationArn', distributionConfigurationArn);
  return { recipe, infrastructure, distribution, documents };
}

async function findRecipe<T>(
  context: BuildContext,
  path: string,
  reference: string,
  recipes: { get(db: BuildContext['db'], arn: string): Promise<T | undefined> },
): Promise<T> {
  const arn = isVisible(context, parseArn(reference)) ? await resolveRecipe(context.db, reference) : undefined;
  const recipe = arn === undefined ? undefined : await recipes.get(context.db, arn);
  if (recipe === undefined) throw missing(path, reference);
  return recipe;
}

function missing(path: string, arn: string) {
  return invalidParameterValue(path, `The resource '${arn}' does not exist.`);
}

async function checkWorkflows(
  context: BuildContext,
  { workflows, executionRole }: BuildSettings,
  documents: ParsedDocuments,
): Promise<void> {
  if (workflows === undefined || workflows.length === 0) return;
  // As on AWS.
  if (executionRole === undefined)
    throw invalidParameterCombination('An execution role is required to provide workflows');
  checkNumber(context, 'workflowsPerImage', workflows.length);
  const faults: ValueFault[] = [];
  const unknown: ValueFault[] = [];
  const types: string[] = [];
  for (const [index, given] of workflows.entries()) {
    const path = `workflows[${index}]`;
    const type = await checkWorkflow(context, given, path, documents, faults, unknown);
    if (type === undefined) continue;
    if (type !== 'TEST' && types.includes(type))
      faults.push({ path: `${path}.workflowArn`, detail: `An image takes one ${type} workflow.` });
    types.push(type);
  }
  if (faults.length > 0) throw invalidParameterValues([...faults, ...unknown]);
  if (unknown.length > 0) throw undefinedParameters(unknown);
}

/** Returns the workflow's type, if the workflow exists. `unknown` collects parameters that it does not declare. */
async function checkWorkflow(
  context: BuildContext,
  given: WorkflowConfiguration,
  path: string,
  documents: ParsedDocuments,
  faults: ValueFault[],
  unknown: ValueFault[],
): Promise<string | undefined> {
  const { workflowArn = '' } = given;
  const workflow = isVisible(context, parseArn(workflowArn))
    ? await resolveWorkflow(context.services.catalog, workflowArn, context.db)
    : undefined;
  if (workflow === undefined) {
    faults.push({ path: `${path}.workflowArn`, detail: `The workflow '${workflowArn}' does not exist.` });
    return undefined;
  }
  for (const member of ['parallelGroup', 'onFailure'] as const) {
    if (given[member] !== undefined && workflow.type !== 'TEST')
      faults.push({
        path: `${path}.${member}`,
        detail: `It is for TEST workflows; '${workflowArn}' is a ${workflow.type} workflow.`,
      });
  }
  for (const { member, detail, undeclared } of planWorkflow(workflow, given, documents).faults)
    (undeclared === true ? unknown : faults).push({ path: `${path}.${member}`, detail });
  return workflow.type;
}

/**
 * Custom log groups need a role that may write to them. `path` is the path of the names; `names` may contain undefined
 * ones.
 */
export function checkLogGroups(
  names: Readonly<Record<string, string | undefined>>,
  executionRole: string | undefined,
): void {
  for (const [path, name] of Object.entries(names)) {
    if (name !== undefined && !name.startsWith(LOG_GROUPS) && executionRole === undefined) {
      throw invalidParameterCombination(
        `${path} names a log group outside of ${LOG_GROUPS}: that needs an executionRole.`,
      );
    }
  }
}

/** The tests configuration with defaults applied. */
export function testsConfiguration(given: ImageTestsConfiguration | undefined): ImageTestsConfiguration {
  return { imageTestsEnabled: given?.imageTestsEnabled ?? true, timeoutMinutes: given?.timeoutMinutes ?? 720 };
}
