/** The plan of a container image: the parts of its build, in order. Pure. */
import type { ContainerRecipe } from '@aws-sdk/client-imagebuilder';
import { splitTemplate, type DockerfilePart } from '../../resources/dockerfile-template.ts';
import type { LayerPart, PlannedComponent } from '../planning/planned-component.ts';

/** A part of a build: each leaves a layer. */
export type ContainerPart = LayerPart &
  (
    | { readonly kind: 'parent'; readonly reference: string }
    | { readonly kind: 'dockerfile'; readonly dockerfile: DockerfilePart }
    | { readonly kind: 'component'; readonly planned: PlannedComponent }
  );

/** What is known of a container image before anything runs. */
export interface ContainerPlan {
  readonly parent: string;
  readonly parts: readonly ContainerPart[];
}

/** What makes the same of the same: no freshness stamp belongs into its key. */
const NO_DOCUMENT = { schemaVersion: '1.0', parameters: [], constants: [], phases: [] } as const;

/**
 * @param components those with phases of the build, in recipe order
 * @param workingDirectory of the recipe
 */
export function containerPlan(
  recipe: Pick<ContainerRecipe, 'parentImage' | 'dockerfileTemplateData'>,
  components: readonly PlannedComponent[],
  workingDirectory: string,
): ContainerPlan {
  const parent = recipe.parentImage ?? '';
  const { before, after } = splitTemplate(recipe.dockerfileTemplateData ?? '', { workingDirectory });
  const part = (name: string, data: string): LayerPart => ({
    component: { name, data, parameters: {} },
    document: NO_DOCUMENT,
    phases: [],
  });
  return {
    parent,
    parts: [
      { ...part('parent image', `parent ${parent}`), kind: 'parent', reference: parent },
      { ...part('Dockerfile', before.text), kind: 'dockerfile', dockerfile: before },
      ...components.map((planned) => ({ ...planned, kind: 'component' as const, planned })),
      ...(after === undefined
        ? []
        : [
            {
              ...part('Dockerfile after the components', after.text),
              kind: 'dockerfile' as const,
              dockerfile: after,
            },
          ]),
    ],
  };
}
