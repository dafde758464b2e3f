/** Which workflows an image runs: the ones it names, else the managed defaults. Source: reference, `workflows.md` section 1. */
import type { GivenWorkflowParameter } from '../documents/workflow/parameters.ts';
import type { ImageWork, Stage } from './image-work.ts';

/** A workflow with its document's text. */
export interface SelectedWorkflow {
  /** ARN of the build version. */
  readonly arn: string;
  readonly name: string;
  readonly type: Stage;
  readonly data: string;
  /** Values that the image gives; the document knows the types and the defaults. */
  readonly parameters: readonly GivenWorkflowParameter[];
}

const DEFAULTS: readonly { readonly type: Stage; readonly name: string }[] = [
  { type: 'BUILD', name: 'build-image' },
  { type: 'TEST', name: 'test-image' },
  { type: 'DISTRIBUTION', name: 'distribute-image' },
];

/**
 * The workflows in the order in which they run. Naming any replaces the defaults of build and test; the distribution
 * configuration is executed all the same, by the managed distribution workflow.
 * @throws when one that is named does not exist
 */
export function selectWorkflows(work: ImageWork): readonly SelectedWorkflow[] {
  const named = (work.image.workflows ?? []).map(({ workflowArn, parameters }) => {
    const workflow = managed(work, workflowArn ?? '');
    return { ...workflow, parameters: (parameters ?? []).map(({ name, value }) => ({ name: name!, value: value ?? [] })) };
  });
  const tests = work.image.imageTestsConfiguration?.imageTestsEnabled ?? true;
  const chosen = named.length > 0 ? named : DEFAULTS.filter(({ type }) => type !== 'DISTRIBUTION').map((each) => managedDefault(work, each));
  const distribution = chosen.some(({ type }) => type === 'DISTRIBUTION') ? [] : [managedDefault(work, DEFAULTS[2]!)];
  return [...chosen, ...distribution].filter(({ type }) => tests || type !== 'TEST');
}

function managedDefault(work: ImageWork, wanted: { readonly type: Stage; readonly name: string }): SelectedWorkflow {
  return managed(work, `arn:aws:imagebuilder:${work.region}:aws:workflow/${wanted.type.toLowerCase()}/${wanted.name}/x.x.x`);
}

function managed(work: ImageWork, arn: string): SelectedWorkflow {
  const [, type, name] = /:aws:workflow\/([a-z]+)\/([^/]+)\//.exec(arn) ?? [];
  const found = work.catalog.managed.workflows.find((each) => each.type.toLowerCase() === type && each.name === name);
  if (found === undefined) throw new Error(`workflow ${arn} does not exist`);
  return {
    arn: `arn:aws:imagebuilder:${work.region}:aws:workflow/${type}/${name}/${found.version}/1`,
    name: found.name,
    type: found.type as Stage,
    data: found.data,
    parameters: [],
  };
}
