/**
 * Selects the workflows of an image: the ones it names, otherwise the managed defaults. Source: reference,
 * `workflows.md` section 1.
 */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { resolveWorkflow } from '../../catalog/resolve.ts';
import type { StoredWorkflow } from '../../catalog/workflows.ts';
import { workflowParameterValues, type GivenWorkflowParameter } from '../../documents/workflow/parameters.ts';
import { parseArn } from '../../resources/arns.ts';
import type { PlanPlace } from './components.ts';
import type { PlannedWorkflow, Refusal, Stage } from './image-plan.ts';
import type { ParsedDocuments } from './parsed-documents.ts';
import { stepsThatCannotRun } from '../../documents/workflow/runnable.ts';

const DEFAULTS = {
  AMI: { BUILD: 'build-image', TEST: 'test-image', DISTRIBUTION: 'distribute-image' },
  DOCKER: { BUILD: 'build-container', TEST: 'test-container', DISTRIBUTION: 'distribute-container' },
} as const;

/** A workflow in an image's settings. */
type Given = NonNullable<Image['workflows']>[number];

/** A fault of a workflow for an image. `member` is the invalid member of the image's entry. */
export interface WorkflowFault {
  readonly member: 'workflowArn' | 'parameters';
  readonly detail: string;
  /** The fault is parameters that the workflow does not declare, which has its own error code. */
  readonly undeclared?: true;
}

/**
 * The workflows in the order in which they run. Naming any replaces the defaults for build and test. The distribution
 * configuration is always executed, by the managed distribution workflow.
 */
export async function selectWorkflows(
  image: Pick<Image, 'workflows' | 'imageTestsConfiguration' | 'type'>,
  place: PlanPlace,
): Promise<{ readonly workflows: readonly PlannedWorkflow[]; readonly refusals: readonly Refusal[] }> {
  const refusals: Refusal[] = [];
  const selected: PlannedWorkflow[] = [];
  const tests = image.imageTestsConfiguration?.imageTestsEnabled ?? true;
  const add = async (given: Given, field: string): Promise<Stage | undefined> => {
    const found = await find(given.workflowArn ?? '', place);
    if (found === undefined) {
      const message = `workflow ${given.workflowArn} does not exist or was deleted`;
      refusals.push({ code: 'workflow', field, message });
      return undefined;
    }
    if (found.type === 'TEST' && !tests) return found.type;
    const { planned, faults } = planWorkflow(found, given, place.documents);
    if (planned !== undefined) selected.push(planned);
    for (const { detail } of faults) {
      const message = `workflow ${found.arn}: ${detail}`;
      refusals.push({ code: 'workflow', field, message });
    }
    return found.type;
  };
  const types = new Set<Stage | undefined>();
  for (const [index, given] of (image.workflows ?? []).entries()) types.add(await add(given, `workflows[${index}]`));
  const defaults: readonly Stage[] =
    (image.workflows ?? []).length === 0
      ? ['BUILD', 'TEST', 'DISTRIBUTION']
      : types.has('DISTRIBUTION') || (types.has('TEST') && types.size === 1)
        ? // Tests alone make nothing that could be distributed.
          []
        : ['DISTRIBUTION'];
  const managed = DEFAULTS[image.type === 'DOCKER' ? 'DOCKER' : 'AMI'];
  for (const type of defaults) {
    const tail = `workflow/${type.toLowerCase()}/${managed[type]}/x.x.x`;
    await add({ workflowArn: `arn:aws:imagebuilder:${place.region}:aws:${tail}` }, 'workflows');
  }
  return { workflows: selected, refusals };
}

/**
 * Validates a workflow for an image: its document, the given values, actions that cannot run. Returns it with its
 * faults.
 */
export function planWorkflow(
  found: Pick<StoredWorkflow, 'arn' | 'name' | 'type' | 'data'>,
  given: Given,
  documents: ParsedDocuments,
): { readonly planned?: PlannedWorkflow; readonly faults: readonly WorkflowFault[] } {
  const { document, faults } = documents.workflow(found.data, found.type);
  if (document === undefined)
    return { faults: [{ member: 'workflowArn', detail: `the document is not valid: ${faults[0]?.message}` }] };
  const parameters = (given.parameters ?? []).map(
    ({ name, value }): GivenWorkflowParameter => ({ name: name!, value: value ?? [] }),
  );
  const { values, problems, undeclared } = workflowParameterValues(document, parameters);
  const { parallelGroup, onFailure } = given;
  const planned: PlannedWorkflow = {
    arn: found.arn,
    name: found.name,
    type: found.type,
    document,
    values,
    parallelGroup,
    onFailure,
  };
  return {
    planned,
    faults: [
      ...(undeclared === undefined
        ? []
        : [{ member: 'parameters' as const, detail: undeclared, undeclared: true as const }]),
      ...(problems.length === 0 ? [] : [{ member: 'parameters' as const, detail: problems.join(' ') }]),
      ...stepsThatCannotRun(document).map((problem) => ({
        member: 'workflowArn' as const,
        detail: `${found.arn}: ${problem}`,
      })),
    ],
  };
}

/**
 * Workflows by group, ordered by the first workflow of each group. A workflow without a group is a group of its own.
 */
export function groupsOf<Workflow extends Pick<PlannedWorkflow, 'parallelGroup'>>(
  workflows: readonly Workflow[],
): readonly (readonly Workflow[])[] {
  const groups: Workflow[][] = [];
  const named = new Map<string, Workflow[]>();
  for (const workflow of workflows) {
    const group = workflow.parallelGroup === undefined ? undefined : named.get(workflow.parallelGroup);
    if (group !== undefined) {
      group.push(workflow);
      continue;
    }
    const opened = [workflow];
    groups.push(opened);
    if (workflow.parallelGroup !== undefined) named.set(workflow.parallelGroup, opened);
  }
  return groups;
}

async function find(reference: string, { catalog, db, account, region }: PlanPlace) {
  const arn = parseArn(reference);
  // Workflows have no resource policies, so no account uses another's.
  const own = arn?.region === region && (arn.owner === account || arn.owner === 'aws');
  return own ? resolveWorkflow(catalog, reference, db) : undefined;
}
