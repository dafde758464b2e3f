/** What operations on image recipes and on container recipes share. */
import type { ComponentConfiguration } from '@aws-sdk/client-imagebuilder';
import { missingComponent } from '../../catalog/managed.ts';
import { resolveComponent } from '../../catalog/resolve.ts';
import type { DocumentRun } from '../../documents/component/named-documents.ts';
import { parseComponentDocument } from '../../documents/component/parse.ts';
import { checkParameterValues } from '../../documents/component/type.ts';
import { nameArn, parseArn } from '../../resources/arns.ts';
import { invalidParameterValues, invalidVersionNumber, type ValueFault } from '../../resources/errors.ts';
import { nextVersion, parseIncrement, parseVersion, type Version } from '../../resources/versions.ts';
import type { OperationContext } from '../context.ts';
import { checkNumber } from '../quotas.ts';
import { isVisible } from './common.ts';
import { checkNamedDocuments } from './documents.ts';

/**
 * The version that is asked for; an `x` counts up from those there are.
 * @throws {ApiError} InvalidVersionNumberException
 */
export function recipeVersion(text: string, existing: readonly Version[]): Version {
  const version = parseVersion(text);
  if (version !== undefined) return version;
  const increment = parseIncrement(text);
  if (increment === undefined)
    throw invalidVersionNumber(
      text,
      'It takes three numbers from 0 to 1073741823, or an x in place of the one to count up, as in 1.0.x.',
    );
  const next = nextVersion(increment, existing);
  if (next === undefined) throw invalidVersionNumber(text, 'There is no higher number left.');
  return next;
}

/**
 * Checks a recipe's components.
 * @param platform of the parent image
 * @throws {ApiError} InvalidParameterValueException with everything that is wrong with the components,
 *   ServiceQuotaExceededException, AccessDeniedException
 */
export async function checkComponents(
  context: OperationContext,
  components: readonly ComponentConfiguration[],
  platform: string,
): Promise<void> {
  checkNumber(context, 'componentsPerRecipe', components.length);
  const faults: ValueFault[] = [];
  const names = new Set<string>();
  const runs: DocumentRun[] = [];
  for (const [index, { componentArn = '', parameters }] of components.entries()) {
    const path = `components[${index}].componentArn`;
    const component = isVisible(context, parseArn(componentArn))
      ? await resolveComponent(context.services.catalog, componentArn, context.db)
      : undefined;
    if (component === undefined) {
      faults.push({
        path,
        detail:
          `The component '${componentArn}' does not ` +
          `exist.${missingComponent(context.services.catalog.managed, componentArn)}`,
      });
      continue;
    }
    const name = nameArn(parseArn(component.arn)!);
    if (names.has(name))
      faults.push({
        path,
        detail: `The component '${componentArn}' is in the recipe already; a recipe takes each component once.`,
      });
    names.add(name);
    if (component.platform !== platform)
      faults.push({
        path,
        detail: `The component '${componentArn}' is for ${component.platform}; the parent image is ${platform}.`,
      });
    const status = component.state?.status ?? 'ACTIVE';
    if (status !== 'ACTIVE')
      faults.push({ path, detail: `The component '${componentArn}' is ${status} and cannot be added to a recipe.` });
    const { document } = parseComponentDocument(component.data);
    const given = (parameters ?? []).map((parameter) => ({ name: parameter.name!, value: parameter.value ?? [] }));
    const values = Object.fromEntries(given.map((each) => [each.name, each.value.join(',')]));
    if (document !== undefined) runs.push({ document, parameters: values });
    const wrong = document === undefined ? [] : checkParameterValues(document, given);
    if (wrong.length > 0)
      faults.push({ path: `components[${index}].parameters`, detail: `${component.name}: ${wrong.join(' ')}` });
  }
  if (faults.length > 0) throw invalidParameterValues(faults);
  await checkNamedDocuments(context, runs);
}
