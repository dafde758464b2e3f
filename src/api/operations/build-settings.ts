/** What pipelines and images have in common: what is built, where, and how it is tested and distributed. */
import type { DistributionConfiguration, ImageTestsConfiguration, InfrastructureConfiguration, WorkflowConfiguration } from '@aws-sdk/client-imagebuilder';
import { distributionConfigurations } from '../../catalog/distribution-configurations.ts';
import { getImageRecipe, type StoredImageRecipe } from '../../catalog/image-recipes.ts';
import { infrastructureConfigurations } from '../../catalog/infrastructure-configurations.ts';
import { resolveRecipe } from '../../catalog/resolve.ts';
import { parseArn } from '../../resources/arns.ts';
import { invalidParameterCombination, invalidParameterValue, valueNotSupported } from '../../resources/errors.ts';
import { highestMatch } from '../../resources/versions.ts';
import type { OperationContext } from '../context.ts';
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

/** What they name, found. */
export interface FoundSettings {
  readonly recipe: StoredImageRecipe;
  readonly infrastructure: InfrastructureConfiguration;
  readonly distribution?: DistributionConfiguration;
}

const LOG_GROUPS = '/aws/imagebuilder/';

/**
 * Checks what is to be built and finds what it names.
 * @throws {ApiError} InvalidParameterCombinationException, InvalidParameterValueException
 */
export async function findSettings(context: OperationContext, settings: BuildSettings): Promise<FoundSettings> {
  const { imageRecipeArn, containerRecipeArn, infrastructureConfigurationArn, distributionConfigurationArn } = settings;
  if ((imageRecipeArn === undefined) === (containerRecipeArn === undefined)) {
    throw invalidParameterCombination('Give exactly one of imageRecipeArn and containerRecipeArn.');
  }
  if (imageRecipeArn === undefined) throw valueNotSupported('containerRecipeArn', 'It asks for a container image.');
  checkWorkflows(context, settings);

  const recipeArn = isVisible(context, parseArn(imageRecipeArn)) ? await resolveRecipe(context.db, imageRecipeArn) : undefined;
  const recipe = recipeArn === undefined ? undefined : await getImageRecipe(context.db, recipeArn);
  if (recipe === undefined) throw missing('imageRecipeArn', imageRecipeArn);
  const infrastructure = isVisible(context, parseArn(infrastructureConfigurationArn))
    ? await infrastructureConfigurations.get(context.db, infrastructureConfigurationArn)
    : undefined;
  if (infrastructure === undefined) throw missing('infrastructureConfigurationArn', infrastructureConfigurationArn);
  if (distributionConfigurationArn === undefined) return { recipe, infrastructure };
  const distribution = isVisible(context, parseArn(distributionConfigurationArn))
    ? await distributionConfigurations.get(context.db, distributionConfigurationArn)
    : undefined;
  if (distribution === undefined) throw missing('distributionConfigurationArn', distributionConfigurationArn);
  return { recipe, infrastructure, distribution };
}

function missing(path: string, arn: string) {
  return invalidParameterValue(path, `The resource '${arn}' does not exist.`);
}

function checkWorkflows(context: OperationContext, { workflows, executionRole }: BuildSettings): void {
  if (workflows === undefined || workflows.length === 0) return;
  // As AWS.
  if (executionRole === undefined) throw invalidParameterCombination('An execution role is required to provide workflows');
  for (const [index, { workflowArn = '' }] of workflows.entries()) {
    const arn = parseArn(workflowArn);
    const known = context.services.catalog.managed.workflows.filter(({ name, type }) => name === arn?.slug && type.toLowerCase() === arn.workflowType);
    const found = arn?.version !== undefined && arn.owner === 'aws' && arn.region === context.region ? highestMatch(arn.version, known) : undefined;
    if (found === undefined) throw invalidParameterValue(`workflows[${index}].workflowArn`, `The workflow '${workflowArn}' does not exist.`);
  }
}

/** Log groups of one's own need a role that may write them. `path` is where the names are, `names` may hold undefined ones. */
export function checkLogGroups(names: Readonly<Record<string, string | undefined>>, executionRole: string | undefined): void {
  for (const [path, name] of Object.entries(names)) {
    if (name !== undefined && !name.startsWith(LOG_GROUPS) && executionRole === undefined) {
      throw invalidParameterCombination(`${path} names a log group outside of ${LOG_GROUPS}: that needs an executionRole.`);
    }
  }
}

/** How an image is tested, defaults filled in. */
export function testsConfiguration(given: ImageTestsConfiguration | undefined): ImageTestsConfiguration {
  return { imageTestsEnabled: given?.imageTestsEnabled ?? true, timeoutMinutes: given?.timeoutMinutes ?? 720 };
}
