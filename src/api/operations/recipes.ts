/** Code that operations on image recipes and on container recipes share. */
import type { ComponentConfiguration } from '@aws-sdk/client-imagebuilder';
import { dependentsOf } from '../../catalog/dependents.ts';
import { missingComponent } from '../../catalog/managed.ts';
import { recipePosition, type RecipeQueries, type StoredRecipe } from '../../catalog/recipes.ts';
import { resolveComponent, resolveRecipe } from '../../catalog/resolve.ts';
import type { Place } from '../../catalog/slices.ts';
import type { DocumentRun } from '../../documents/component/named-documents.ts';
import { parseComponentDocument } from '../../documents/component/parse.ts';
import { undeclaredParameters } from '../../documents/declared-parameters.ts';
import { checkParameterValues } from '../../documents/component/type.ts';
import { nameArn, parseArn, resourceArn } from '../../resources/arns.ts';
import {
  invalidParameterValues,
  invalidVersionNumber,
  resourceAlreadyExists,
  resourceDependency,
  resourceNotFound,
  undefinedParameters,
  type ValueFault,
} from '../../resources/errors.ts';
import { slug } from '../../resources/names.ts';
import {
  compareVersions,
  formatVersion,
  nextVersion,
  parseIncrement,
  parseVersion,
  type Version,
} from '../../resources/versions.ts';
import type { OperationContext } from '../context.ts';
import { checkNumber } from '../quotas.ts';
import { openPage, type PageInput } from '../paging.ts';
import { isVisible, meetsConditions, ownArn, placeOf, readFilters, visibleArn, type Filter } from './common.ts';
import { checkNamedDocuments } from './documents.ts';
import { sharedPage } from './shared.ts';

/** A type of recipe. */
interface Kind<T extends StoredRecipe, Column extends string> {
  readonly queries: RecipeQueries<T, Column>;
  readonly type: 'image-recipe' | 'container-recipe';
  /** Its name in errors: `ImageRecipe`. */
  readonly name: string;
  /** The input member with its ARN. */
  readonly member: string;
  /** The filters of its list, by name. */
  readonly filters: Readonly<Record<string, Column>>;
  /** The fields of a recipe in memory that filters compare. */
  readonly columns: (recipe: T) => Readonly<Record<Column, string | undefined>>;
}

/** The parts of the operations on one type of recipe that do not depend on its content. */
export function recipeParts<T extends StoredRecipe, Column extends string>(kind: Kind<T, Column>) {
  const { queries, type, name, member, filters, columns } = kind;
  return {
    /**
     * The ARN and version of a new recipe.
     * @throws {ApiError} InvalidVersionNumberException, ResourceAlreadyExistsException
     */
    async place(
      context: OperationContext,
      input: { readonly name: string; readonly semanticVersion: string },
    ): Promise<{ readonly place: Place; readonly arn: string; readonly version: string }> {
      const place = placeOf(context);
      const existing = await queries.versions(context.db, place, slug(input.name));
      const version = recipeVersion(input.semanticVersion, existing);
      const arn = resourceArn(place, type, slug(input.name), version);
      if (existing.some((other) => compareVersions(other, version) === 0)) throw resourceAlreadyExists(name, arn);
      // Without an `x`, the version is kept as the client wrote it.
      const written = parseVersion(input.semanticVersion) === undefined ? undefined : context.writtenVersion;
      return { place, arn, version: written ?? formatVersion(version) };
    },

    /**
     * One that the caller may see; wildcards mean the latest.
     * @throws {ApiError} as `visibleArn`, ResourceNotFoundException
     */
    async visible(context: OperationContext, text: string): Promise<T> {
      visibleArn(context, text, type, member);
      const arn = await resolveRecipe(context.db, text);
      const recipe = arn === undefined ? undefined : await queries.get(context.db, arn);
      if (recipe === undefined) throw resourceNotFound(text);
      return recipe;
    },

    /** One page of the caller's own, or of those that others shared with it; empty for any other owner. */
    async page(
      input: PageInput & { readonly owner?: string | undefined; readonly filters?: readonly Filter[] | undefined },
      context: OperationContext,
    ): Promise<{ readonly items: readonly T[]; readonly nextToken?: string }> {
      const conditions = readFilters(input.filters, filters);
      const owner = input.owner ?? 'Self';
      if (owner === 'Shared') {
        const meets = (recipe: T): boolean => meetsConditions(columns(recipe), conditions);
        return sharedPage<T>(input, context, type, (arn) => queries.get(context.db, arn), meets);
      }
      if (owner !== 'Self') return { items: [] };
      const page = openPage(input, context, ['string', 'number', 'number', 'number']);
      return page.cut(await queries.list(context.db, placeOf(context), conditions, page), recipePosition);
    },

    /**
     * Deletes one of the caller's if nothing depends on it.
     * @throws {ApiError} as `ownArn`, ResourceNotFoundException, ResourceDependencyException
     */
    async remove(context: OperationContext, text: string): Promise<void> {
      const arn = ownArn(context, text, type, member);
      if ((await queries.get(context.db, text)) === undefined) throw resourceNotFound(text);
      const versions = await queries.versions(context.db, placeOf(context), arn.slug);
      const dependents = await dependentsOf(context.db, text, versions);
      if (dependents.length > 0) throw resourceDependency(text, dependents);
      await queries.remove(context.db, text);
    },
  };
}

/** The requested version; an `x` becomes the next free number. @throws {ApiError} InvalidVersionNumberException */
function recipeVersion(text: string, existing: readonly Version[]): Version {
  const version = parseVersion(text);
  if (version !== undefined) return version;
  const increment = parseIncrement(text);
  if (increment === undefined)
    throw invalidVersionNumber(
      text,
      'It takes three numbers from 0 to 1073741823, or an x in place of the one to count up, as in 1.0.x.',
    );
  const next = nextVersion(increment, existing);
  if (next === undefined) throw invalidVersionNumber(text, 'No higher version number exists.');
  return next;
}

/**
 * Checks a recipe's components.
 * @param platform of the parent image
 * @throws {ApiError} InvalidParameterValueException with all faults of the components, ServiceQuotaExceededException,
 * AccessDeniedException
 */
export async function checkComponents(
  context: OperationContext,
  components: readonly ComponentConfiguration[],
  platform: string,
): Promise<void> {
  checkNumber(context, 'componentsPerRecipe', components.length);
  const faults: ValueFault[] = [];
  const undeclared: ValueFault[] = [];
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
        detail: `The component '${componentArn}' is already in the recipe; a recipe can have each component once.`,
      });
    names.add(name);
    if (component.platform !== platform)
      faults.push({
        path,
        detail: `The component '${componentArn}' is for ${component.platform}, but the parent image is ${platform}.`,
        reason: 'other-platform',
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
    const detail = document === undefined ? undefined : undeclaredParameters('component', document, given);
    if (detail !== undefined) undeclared.push({ path: `components[${index}].parameters`, detail });
  }
  if (faults.length > 0) throw invalidParameterValues([...faults, ...undeclared]);
  if (undeclared.length > 0) throw undefinedParameters(undeclared);
  await checkNamedDocuments(context, runs);
}
