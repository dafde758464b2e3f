/** The plan of a container image: the parts of its build, in order. Pure. */
import type { ContainerRecipe } from '@aws-sdk/client-imagebuilder';
import { splitTemplate, type DockerfilePart } from '../../resources/dockerfile-template.ts';
import type { ContainerSettings } from './container-settings.ts';
import type { ParentSource } from './parent-source.ts';
import type { LayerPart, PlannedComponent } from '../planning/planned-component.ts';

/** A part of a build, which leaves a layer. */
export type ContainerPart = LayerPart &
  (
    | { readonly kind: 'parent'; readonly source: ParentSource }
    | { readonly kind: 'dockerfile'; readonly dockerfile: DockerfilePart }
    | { readonly kind: 'component'; readonly planned: PlannedComponent }
  );

/** What is known of a container image before its build. */
export interface ContainerPlan {
  readonly parent: ParentSource;
  readonly parts: readonly ContainerPart[];
  readonly settings: ContainerSettings;
}

/** The result depends on the inputs only, so its key needs no freshness stamp. */
const NO_DOCUMENT = { schemaVersion: '1.0', parameters: [], constants: [], phases: [] } as const;

/**
 * Plans a container image.
 * @param components with phases of the build stage, in recipe order
 * @param workingDirectory of the recipe
 * @param settings of the image
 */
export function containerPlan(
  recipe: Pick<ContainerRecipe, 'dockerfileTemplateData'>,
  parent: ParentSource,
  components: readonly PlannedComponent[],
  workingDirectory: string,
  settings: ContainerSettings,
): ContainerPlan {
  const { before, after } = splitTemplate(recipe.dockerfileTemplateData ?? '', {
    workingDirectory,
    parent: parent.kind === 'scratch' ? 'scratch' : undefined,
  });
  const part = (name: string, data: string): LayerPart => ({
    component: { name, data, parameters: {} },
    document: NO_DOCUMENT,
    phases: [],
  });
  // What a RUN may read beside its Dockerfile. The values of secrets do not count, as in other builders.
  const { buildArguments, epoch, secrets } = settings;
  const given = JSON.stringify({ ...buildArguments, epoch, secrets: secrets.map(({ id }) => id) });
  const inputs = given === JSON.stringify({ secrets: [] }) ? '' : given;
  return {
    parent,
    settings,
    parts: [
      ...(parent.kind === 'scratch'
        ? []
        : [{ ...part('parent image', `parent ${identityOf(parent)}`), kind: 'parent' as const, source: parent }]),
      { ...part('Dockerfile', before.text + inputs), kind: 'dockerfile', dockerfile: before },
      ...components.map((planned) => ({ ...planned, kind: 'component' as const, planned })),
      ...(after === undefined
        ? []
        : [
            {
              ...part('Dockerfile after the components', after.text + inputs),
              kind: 'dockerfile' as const,
              dockerfile: after,
            },
          ]),
    ],
  };
}

/** How a parent image is identified in the key of its layer; for a base also by its current layer. */
function identityOf(parent: ParentSource): string {
  switch (parent.kind) {
    case 'base':
      return parent.name;
    case 'registry':
      return parent.reference;
    case 'image':
    case 'layout':
      return parent.digest;
    case 'scratch':
      return 'scratch';
  }
}
