/** Plans of images for tests that begin behind the planner. */
import type { ParsedComponent } from '../../src/documents/component/parse.ts';
import { DEFAULT_CONFIG } from '../../src/platform/config/config.ts';
import { networkFor } from '../../src/platform/config/networks.ts';
import { cachePolicy } from '../../src/workflows/planning/cache-policy.ts';
import { componentsOf, workingDirectoryOf } from '../../src/workflows/planning/components.ts';
import type { ImagePlan, PlannedImage, ResolvedComponent } from '../../src/workflows/planning/image-plan.ts';
import { ParsedDocuments } from '../../src/workflows/planning/parsed-documents.ts';

/** A component of a recipe, by its text. @throws when that is not valid */
export function sampleComponent(
  given: Pick<ResolvedComponent, 'arn' | 'name' | 'data'> & Partial<ResolvedComponent>,
): ResolvedComponent {
  const { document, faults }: ParsedComponent = new ParsedDocuments().component(given.data);
  if (document === undefined) throw new Error(`${given.name} is not valid: ${faults[0]?.message}`);
  return { document, faults, parameters: {}, secrets: [], ...given };
}

/** The plan of an image with these components, and nothing else that is special. */
export function samplePlan(planned: PlannedImage, components: readonly ResolvedComponent[] = []): ImagePlan {
  const { image, account, region } = planned;
  const documents = new ParsedDocuments();
  return {
    ...planned,
    components,
    parsed: (text) => documents.component(text),
    phases: { BUILD: componentsOf(components, 'BUILD'), TEST: componentsOf(components, 'TEST'), DISTRIBUTION: [] },
    workflows: { BUILD: [], TEST: [], DISTRIBUTION: [] },
    workingDirectory: workingDirectoryOf(image),
    network: networkFor(DEFAULT_CONFIG.networks, account, undefined, []),
    cache: cachePolicy(image),
    keep: { build: undefined, test: undefined },
    allowedSecrets: [],
    distribution: {
      regions: [
        {
          region,
          home: true,
          name: image.name ?? 'image',
          tags: {},
          path: '',
          targetAccounts: [],
          configurations: { region },
        },
      ],
      withoutEffect: [],
    },
    withoutEffect: [],
  };
}
