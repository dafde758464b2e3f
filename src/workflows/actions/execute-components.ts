/**
 * `ExecuteComponents`: runs the phases of the stage, component by component. In a build, each component leaves a layer.
 */
import { prepareForLayer } from '../../guest/before-layer.ts';
import { componentForAccount, NotSharedError } from '../../catalog/sharing.ts';
import { newUuid } from '../../platform/ids.ts';
import { within, type Report } from '../../resources/progress.ts';
import { InputError } from '../../runner/module.ts';
import { remedyFor } from './remedies.ts';
import type { DocumentFailure, DocumentOutcome } from '../../runner/outcome.ts';
import { runDocument } from '../../runner/run-document.ts';
import { tellingLines, withJournal } from '../../guest/service-journal.ts';
import { componentKey, layerLabel, type LayerPlan } from '../machines/layer-reuse.ts';
import { keptFileFinder } from '../machines/kept-files.ts';
import { profileEnvironment, s3AccessFor } from '../machines/instance-profile.ts';
import { networkEnvironment } from '../machines/network.ts';
import { takeLayer, workInstance } from '../machines/instances.ts';
import { placeFor, repeatInMachine, retryInMachine } from '../machines/machine-moves.ts';
import { buildParts } from '../containers/build-parts.ts';
import { recordInventory } from '../containers/container-inventory.ts';
import { writeContainer } from '../containers/container-output.ts';
import { keepEvidence } from '../machines/evidence.ts';
import type { ImageServices, WorkInstance } from '../machines/image-progress.ts';
import type { ImagePlan, PlannedComponent, ResolvedComponent } from '../planning/image-plan.ts';
import { StepError, withFailureDetails, withFailureSummary, type FailureDetails } from '../errors.ts';
import type { ImageProgress } from '../machines/image-progress.ts';
import type { StepAction, StepNeeds, StepOutputs } from './action.ts';

/** Lines of the journal in the log after a failure: as many as `ingot build` prints at its end. */
const JOURNAL_SHOWN = 8;

export const executeComponents: StepAction = {
  name: 'ExecuteComponents',
  effect: 'layers',
  skip: ({ plan, stage }) =>
    plan.phases[stage].length > 0 || (stage === 'BUILD' && plan.container !== undefined)
      ? undefined
      : 'no component has a phase of this stage',
  run,
  async finished({ plan, report }) {
    const { length } = plan.phases.BUILD;
    report({ type: 'progress', text: 'components', done: length, total: length });
    return { status: 'Success', output: `${length} component(s)`, runCommandId: newUuid() };
  },
};

/** What running components takes. */
interface Needs
  extends Omit<StepNeeds<PlanNeeds, never, 'catalog' | 'layers' | 'dataDirectory' | 'secrets'>, 'progress'> {
  readonly progress: ImageProgress;
}
type PlanNeeds =
  | keyof LayerPlan
  | 'container'
  | 'phases'
  | 'parsed'
  | 'network'
  | 'instanceProfile'
  | 'components'
  | 'workflows';

async function run(needs: Needs): Promise<StepOutputs> {
  const { plan, progress, services, stage, inputs, report, signal, timeoutSeconds } = needs;
  const entry = workInstance(progress, inputs['instanceId']);
  const work = { plan, progress, services };
  const at = { workflowId: needs.execution.workflowId, position: needs.execution.position };
  const components = plan.phases[stage];
  const named = new Set(components.map(({ component }) => component.arn));
  if (stage === 'BUILD' && plan.container !== undefined) {
    await buildParts(
      {
        ...work,
        at,
        report,
        signal,
        timeoutSeconds,
        runComponent: async (planned, tell) => {
          refuseFailed(planned, await runComponent(needs, entry, planned, tell, named), tell);
          const foreign = await prepareForLayer(entry.instance, signal);
          if (foreign !== undefined)
            throw new StepError(
              `after ${planned.component.name} ${foreign}, and a container image is built with ids up to 16777215. ` +
                'What to do: give a smaller id',
            );
        },
      },
      entry,
    );
    await recordInventory(work, entry, { report, signal });
    const built = await writeContainer(work, entry, { report, signal });
    return { status: 'Success', output: built.digest, runCommandId: newUuid() };
  }
  for (const [index, planned] of components.entries()) {
    if (index < entry.componentsDone) continue;
    const { component } = planned;
    const tell = within(report, { component: component.name });
    tell({ type: 'progress', text: `component ${component.name}`, done: index, total: components.length });
    if (stage === 'BUILD') await placeFor(work, entry, planned, { report: tell, signal });
    const runHere = (): Promise<DocumentOutcome> => runComponent(needs, entry, planned, tell, named);
    let outcome = await runHere();
    if (stage === 'BUILD' && (await retryInMachine(work, entry, planned, outcome, { report: tell, signal })))
      outcome = await runHere();
    if (stage === 'TEST' && outcome.status !== 'success') await keepEvidence(entry.instance, tell, signal);
    refuseFailed(planned, outcome, tell);
    if (stage !== 'BUILD') continue;
    let foreign = await prepareForLayer(entry.instance, signal);
    if (foreign !== undefined && !entry.instance.capabilities.kernel) {
      await repeatInMachine(work, entry, planned, foreign, { report: tell, signal });
      refuseFailed(planned, await runHere(), tell);
      foreign = await prepareForLayer(entry.instance, signal);
    }
    if (foreign !== undefined) await services.layers.markForeignId(entry.layer!, foreign);
    const layer = await takeLayer(work, entry, (parentKey) => componentKey(plan, planned, parentKey, entry.driver), {
      label: layerLabel(plan, planned),
      report: tell,
      at,
      componentsDone: index + 1,
    });
    tell({
      type: 'log',
      level: 'debug',
      text: `layer ${layer.id} (${layer.key.slice(0, 12)}) holds the disk after ${component.name}`,
    });
  }
  report({ type: 'progress', text: 'components', done: components.length, total: components.length });
  return { status: 'Success', output: `${components.length} component(s)`, runCommandId: newUuid() };
}

/** Runs the phases of one component in an instance. */
async function runComponent(
  { plan, services, signal }: Needs,
  entry: WorkInstance,
  { component, document, phases }: PlannedComponent,
  report: Report,
  named: Set<string>,
): Promise<DocumentOutcome> {
  const { secrets } = services;
  const started = Date.now();
  const outcome = await runDocument({
    document,
    name: component.name,
    phases,
    parameters: component.parameters,
    instance: entry.instance,
    workingDirectory: plan.workingDirectory,
    report,
    signal,
    secrets,
    componentText: (arn) => componentText(plan, services, arn, named),
    sourceFile: keptFileFinder(services, named),
    parsed: plan.parsed,
    s3Access: s3AccessFor(plan, secrets),
    environment: { ...profileEnvironment(plan), ...networkEnvironment(plan) },
  });
  // A container has no journal.
  const whole = plan.container === undefined ? await withJournal(entry.instance, outcome, started, signal) : outcome;
  return secrets.mask.deep(whole);
}

/** @throws {StepError} if the component failed, with a message for the user */
function refuseFailed({ component }: PlannedComponent, outcome: DocumentOutcome, report: Report): void {
  if (outcome.failure !== undefined) tellJournal(outcome.failure, report);
  if (outcome.status !== 'success') throw documentFailed(component, outcome);
}

/**
 * The document of a component that a step names. An ARN that was computed while the document ran is checked here for
 * the first time.
 * @param named collects the component's ARN: the files that it names belong to the run
 * @throws {InputError} if it is another account's and not shared
 */
async function componentText(
  place: Pick<ImagePlan, 'account' | 'region'>,
  { catalog }: Pick<ImageServices, 'catalog'>,
  arn: string,
  named: Set<string>,
): Promise<string | undefined> {
  try {
    const component = await componentForAccount(catalog, place, arn);
    if (component !== undefined) named.add(component.arn);
    return component?.data;
  } catch (error) {
    throw error instanceof NotSharedError ? new InputError(`document: ${error.message}`, { cause: error }) : error;
  }
}

/** Adds the journal of a step's services to the last lines of the step. */
function tellJournal({ phase, step, action, journal }: DocumentFailure, report: Report): void {
  const lines = tellingLines(journal).slice(-JOURNAL_SHOWN);
  if (lines.length === 0) return;
  const tell = within(report, { phase, documentStep: step, action });
  for (const text of [`The journal of ${journal!.units.join(', ')}:`, ...lines])
    tell({ type: 'output', stream: 'stderr', text });
}

function documentFailed(component: ResolvedComponent, outcome: DocumentOutcome): StepError {
  const error = new StepError(failureReason(component, outcome), { outputs: { status: 'Failed' } });
  withFailureDetails(error, componentFailure(component, outcome.failure));
  return withFailureSummary(error, summary(component, outcome.failure));
}

/** What the log of the image ends with. */
function summary({ arn }: ResolvedComponent, failure: DocumentFailure | undefined): readonly string[] {
  const lines = [`Document: ${arn}`];
  if (failure === undefined) return lines;
  const { phase, step, action, message, command, exitCode, outputTail, journal } = failure;
  lines.push(`Phase: ${phase}`, `Step: ${step} (${action})`, `Error: ${clip(oneLine(message), 1024)}`);
  if (command !== undefined) lines.push(`Command: ${clip(oneLine(command), 1024)}`);
  if (exitCode !== undefined) lines.push(`Exit code: ${exitCode}`);
  const indented = (text: string): string => `  ${clip(withoutBinary(text), 1024)}`;
  if (outputTail.length > 0) lines.push('Last output:', ...outputTail.map(indented));
  const told = tellingLines(journal).slice(-JOURNAL_SHOWN);
  if (told.length > 0) lines.push(`Journal of ${journal!.units.join(', ')}:`, ...told.map(indented));
  const remedy = remedyFor({ ...failure, outputTail: [...outputTail, ...told] });
  if (remedy !== undefined) lines.push(`What to do: ${remedy}`);
  return lines;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ');
}

/** The details of a failure in `failureContext`. */
function componentFailure({ arn }: ResolvedComponent, failure: DocumentFailure | undefined): FailureDetails {
  return {
    componentFailure: {
      componentArn: arn,
      phaseName: failure?.phase,
      stepName: failure?.step,
      action: failure?.action,
      errorMessage: failure === undefined ? undefined : clip(failure.message, 1024),
    },
  };
}

/** AWS's sentence first, then what AWS omits: phase, step, command and the last output. */
function failureReason(component: ResolvedComponent, outcome: DocumentOutcome): string {
  const failure = outcome.failure;
  if (failure === undefined) return `Document ${component.arn} failed!`;
  const journal = tellingLines(failure.journal);
  const remedy = remedyFor({ ...failure, outputTail: [...failure.outputTail, ...journal] });
  const parts = [
    `Document ${component.arn} failed!`,
    `Phase '${failure.phase}', step '${failure.step}' (${failure.action}): ` +
      `${clip(failure.message.replace(/\.$/, ''), 300)}.`,
    ...(failure.command === undefined ? [] : [`Command: ${clip(failure.command, 150)}.`]),
    ...(failure.outputTail.length === 0
      ? []
      : [`Last output: ${clip(failure.outputTail.slice(-3).map(withoutBinary).join(' | '), 200)}.`]),
    ...(journal.length === 0 ? [] : [`Journal: ${clip(journal.slice(-2).map(withoutBinary).join(' | '), 200)}.`]),
    ...(remedy === undefined ? [] : [`What to do: ${remedy}`]),
  ];
  return parts.join(' ');
}

/** Removes binary output, which is useless in a reason. */
function withoutBinary(line: string): string {
  const strange = line.split('\ufffd').length - 1;
  return strange > 4 && strange * 10 > line.length ? `[binary output, ${line.length} characters]` : line;
}

function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
