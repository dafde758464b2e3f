/** Which workflows an image runs: the ones it names, else the managed defaults. Source: reference, `workflows.md` section 1. */
import { resolveWorkflow } from '../../catalog/resolve.ts';
import type { GivenWorkflowParameter } from '../../documents/workflow/parameters.ts';
import { parseArn } from '../../resources/arns.ts';
import type { ImageWork, Stage } from '../image-work.ts';

/** A workflow with its document's text. */
export interface SelectedWorkflow {
  /** ARN of the build version. */
  readonly arn: string;
  readonly name: string;
  readonly type: Stage;
  readonly data: string;
  /** Values that the image gives; the document knows the types and the defaults. */
  readonly parameters: readonly GivenWorkflowParameter[];
  /** Of a test workflow: those with one name run at once. */
  readonly parallelGroup?: string | undefined;
  /** Of a test workflow: what its failure means; that of the image, when absent. */
  readonly onFailure?: 'CONTINUE' | 'ABORT' | undefined;
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
export async function selectWorkflows(work: Where & Pick<ImageWork, 'image'>): Promise<readonly SelectedWorkflow[]> {
  const named: SelectedWorkflow[] = [];
  for (const { workflowArn, parameters, parallelGroup, onFailure } of work.image.workflows ?? []) {
    named.push({
      ...(await resolved(work, workflowArn ?? '')),
      parameters: (parameters ?? []).map(({ name, value }) => ({ name: name!, value: value ?? [] })),
      parallelGroup,
      onFailure,
    });
  }
  const tests = work.image.imageTestsConfiguration?.imageTestsEnabled ?? true;
  const chosen =
    named.length > 0
      ? named
      : await Promise.all(
          DEFAULTS.filter(({ type }) => type !== 'DISTRIBUTION').map((each) => managedDefault(work, each)),
        );
  const distribution = chosen.some(({ type }) => type === 'DISTRIBUTION')
    ? []
    : [await managedDefault(work, DEFAULTS[2]!)];
  return [...chosen, ...distribution].filter(({ type }) => tests || type !== 'TEST');
}

type Where = Pick<ImageWork, 'catalog' | 'region' | 'account'>;

function managedDefault(
  work: Where,
  wanted: { readonly type: Stage; readonly name: string },
): Promise<SelectedWorkflow> {
  return resolved(
    work,
    `arn:aws:imagebuilder:${work.region}:aws:workflow/${wanted.type.toLowerCase()}/${wanted.name}/x.x.x`,
  );
}

async function resolved({ catalog, account, region }: Where, reference: string): Promise<SelectedWorkflow> {
  const arn = parseArn(reference);
  // Workflows have no policies: no account uses another's.
  const own = arn?.region === region && (arn.owner === account || arn.owner === 'aws');
  const found = own ? await resolveWorkflow(catalog, reference) : undefined;
  if (found === undefined) throw new Error(`workflow ${reference} does not exist (any more)`);
  return { arn: found.arn, name: found.name, type: found.type, data: found.data, parameters: [] };
}
