/** The recipe's components for an image: build versions, documents, values, phases. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { Catalog, Queryable } from '../../catalog/catalog.ts';
import type { StoredComponent } from '../../catalog/components.ts';
import { isOtherVersion } from '../../catalog/managed.ts';
import { componentForAccount, NotSharedError } from '../../catalog/sharing.ts';
import type { ComponentDocument } from '../../documents/component/document.ts';
import { needsMachine } from '../../documents/component/machine-rule.ts';
import { readNamedDocuments } from '../../documents/component/named-documents.ts';
import { secretsOfDocument } from '../../documents/component/references.ts';
import { undeclaredParameters } from '../../documents/declared-parameters.ts';
import { checkParameterValues, type ComponentParameterValue } from '../../documents/component/type.ts';
import { DEFAULT_WORKING_DIRECTORY, WINDOWS_WORKING_DIRECTORY } from '../../resources/working-directory.ts';
import type { PlannedComponent, Refusal, ResolvedComponent, Stage } from './image-plan.ts';
import type { ParsedDocuments } from './parsed-documents.ts';

/** Where the names of an image are resolved. */
export interface PlanPlace {
  readonly catalog: Catalog;
  readonly db: Queryable;
  readonly region: string;
  readonly account: string;
  readonly documents: ParsedDocuments;
}

const PHASES: Readonly<Record<Stage, readonly string[]>> = {
  BUILD: ['build', 'validate'],
  TEST: ['test'],
  DISTRIBUTION: [],
};

/**
 * The recipe's components in order, with wildcards resolved to the newest versions. Every component, and every one that
 * their documents name, must be shared with the image's account. A component that does not exist, is not shared, is
 * invalid or lacks a parameter is rejected.
 */
export async function resolveComponents(
  image: Pick<Image, 'imageRecipe' | 'containerRecipe'>,
  place: PlanPlace,
): Promise<{ readonly resolved: readonly ResolvedComponent[]; readonly refusals: readonly Refusal[] }> {
  const resolved: ResolvedComponent[] = [];
  const refusals: Refusal[] = [];
  const recipe = image.imageRecipe ?? image.containerRecipe;
  const member = image.imageRecipe === undefined ? 'containerRecipe' : 'imageRecipe';
  for (const [index, { componentArn, parameters }] of (recipe?.components ?? []).entries()) {
    const given = (parameters ?? []).map(({ name, value }) => ({ name: name!, value: value ?? [] }));
    try {
      resolved.push(await resolveOne(componentArn!, given, place));
    } catch (cause) {
      if (!(cause instanceof ComponentRefused)) throw cause;
      refusals.push({
        code: 'component',
        field: `${member}.components[${index}]`,
        message: cause.message,
        cause: cause.cause as Error | undefined,
      });
    }
  }
  return { resolved, refusals };
}

class ComponentRefused extends Error {
  override readonly name = 'ComponentRefused';
}

async function resolveOne(
  reference: string,
  given: readonly ComponentParameterValue[],
  place: PlanPlace,
): Promise<ResolvedComponent> {
  const component = await find(place, reference);
  if (component?.data === undefined) throw new ComponentRefused(`component ${reference} does not exist or was deleted`);
  const { data } = component;
  const { document, faults } = place.documents.component(data);
  if (document === undefined)
    throw new ComponentRefused(`component ${component.arn} is not valid: ${faults[0]?.message}`);
  const parameters = Object.fromEntries(given.map(({ name, value }) => [name, value.join(',')]));
  // Checked with the recipe too, but the recipe may name a version that is newer now.
  const wrong = [...checkParameterValues(document, given)];
  const undeclared = undeclaredParameters('component', document, given);
  if (undeclared !== undefined) wrong.push(undeclared);
  if (wrong.length > 0) throw new ComponentRefused(`component ${component.arn}: ${wrong.join(' ')}`);
  await readNamedDocuments([{ document, parameters }], async (arn) => {
    const named = await find(place, arn, `, which ${component.arn} runs`);
    return named === undefined ? undefined : place.documents.component(named.data).document;
  });
  return {
    arn: component.arn!,
    ...(isOtherVersion(reference, component.arn!) ? { namedAs: reference } : {}),
    name: component.name!,
    data,
    document,
    faults,
    parameters,
    secrets: secretsOfDocument(document, parameters),
  };
}

/** @throws {ComponentRefused} if it is another account's and not shared */
async function find(place: PlanPlace, arn: string, why = ''): Promise<StoredComponent | undefined> {
  return componentForAccount(place.catalog, place, arn, place.db).catch((cause: unknown) => {
    if (!(cause instanceof NotSharedError)) throw cause;
    throw new ComponentRefused(
      `the account ${place.account} may not use the component ${arn}${why}: ${cause.message}`,
      { cause },
    );
  });
}

/** The components with phases of a stage, in recipe order. */
export function componentsOf(components: readonly ResolvedComponent[], stage: Stage): readonly PlannedComponent[] {
  return components.flatMap((component) => {
    const { document } = component;
    const phases = document.phases.map(({ name }) => name).filter((name) => PHASES[stage].includes(name));
    return phases.length === 0 ? [] : [{ component, document, phases, machine: machineRule(component, phases) }];
  });
}

/** Only on disks that Ingot made, a new kernel is known to need no new boot menu. */
function machineRule(
  {
    document,
    parameters,
  }: { readonly document: ComponentDocument; readonly parameters: ResolvedComponent['parameters'] },
  phases: readonly string[],
): PlannedComponent['machine'] {
  return {
    madeHere: needsMachine(document, phases, { ownBase: true }, parameters),
    foreign: needsMachine(document, phases, { ownBase: false }, parameters),
  };
}

/** The working directory of the recipe's components. Source: reference, `resources.md` section 6. */
export function workingDirectoryOf(image: Pick<Image, 'imageRecipe' | 'containerRecipe' | 'platform'>): string {
  return (
    (image.imageRecipe ?? image.containerRecipe)?.workingDirectory ??
    (image.platform === 'Windows' ? WINDOWS_WORKING_DIRECTORY : DEFAULT_WORKING_DIRECTORY)
  );
}
