/** `ExecuteComponents`: runs the phases that belong to the stage, component by component; after each one of a build the disk is a layer. */
import { parseComponentDocument } from '../../documents/component/parse.ts';
import { within } from '../../resources/progress.ts';
import { layerKey } from '../../runner/layer-key.ts';
import { runDocument, type DocumentOutcome } from '../../runner/run-document.ts';
import { takeLayer, workInstance } from '../instances.ts';
import { type ImageWork, type ResolvedComponent, type Stage, StepError } from '../image-work.ts';
import type { StepAction, StepContext, StepOutputs } from './action.ts';

const PHASES: Readonly<Record<Stage, readonly string[]>> = { BUILD: ['build', 'validate'], TEST: ['test'], DISTRIBUTION: [] };

export const executeComponents: StepAction = {
  name: 'ExecuteComponents',
  skip({ work, stage }) {
    return work.components.some((component) => phasesFor(component, stage).length > 0) ? undefined : `no component has a phase of this stage (${PHASES[stage].join(', ')})`;
  },
  run,
};

function phasesFor(component: ResolvedComponent, stage: Stage): string[] {
  const { document } = parseComponentDocument(component.data);
  return document?.phases.map((phase) => phase.name).filter((name) => PHASES[stage].includes(name)) ?? [];
}

async function run({ work, stage, inputs, report, signal }: StepContext): Promise<StepOutputs> {
  const entry = workInstance(work, inputs['instanceId']);
  const components = work.components.filter((component) => phasesFor(component, stage).length > 0);
  const workingDirectory = work.image.imageRecipe?.workingDirectory ?? '/tmp';
  for (const [index, component] of components.entries()) {
    const { document } = parseComponentDocument(component.data);
    const phases = phasesFor(component, stage);
    const tell = within(report, { component: component.name });
    tell({ type: 'progress', text: `component ${component.name}`, done: index, total: components.length });
    const outcome = await runDocument({
      document: document!,
      name: component.name,
      phases,
      parameters: component.parameters,
      instance: entry.instance,
      workingDirectory,
      report: tell,
      signal,
    });
    if (outcome.status !== 'success') throw new StepError(failureReason(component, outcome), { outputs: { status: 'Failed' } });
    if (stage === 'BUILD') {
      const key = componentKey(work, component, phases, entry.driver, entry.parent.key, workingDirectory);
      const layer = await takeLayer(work, entry, key);
      tell({ type: 'log', level: 'debug', text: `layer ${layer.id} (${layer.key.slice(0, 12)}) holds the disk after ${component.name}` });
    }
  }
  report({ type: 'progress', text: 'components', done: components.length, total: components.length });
  return { status: 'Success', output: `${components.length} component(s)` };
}

function componentKey(work: ImageWork, component: ResolvedComponent, phases: readonly string[], driver: string, parent: string, workingDirectory: string): { key: string; record: object } {
  return layerKey({
    parent,
    document: component.data,
    parameters: component.parameters,
    phases,
    architecture: 'x86_64',
    driver,
    workingDirectory,
    userData: work.image.imageRecipe?.additionalInstanceConfiguration?.userDataOverride ?? null,
    buildDate: work.image.dateCreated ?? '',
  });
}

/** AWS's sentence first, then what it leaves out: phase, step, command and the last output. */
function failureReason(component: ResolvedComponent, outcome: DocumentOutcome): string {
  const failure = outcome.failure;
  if (failure === undefined) return `Document ${component.arn} failed!`;
  const parts = [
    `Document ${component.arn} failed!`,
    `Phase '${failure.phase}', step '${failure.step}' (${failure.action}): ${failure.message}.`,
    ...(failure.command === undefined ? [] : [`Command: ${clip(failure.command, 200)}.`]),
    ...(failure.outputTail.length === 0 ? [] : [`Last output: ${clip(failure.outputTail.slice(-3).join(' | '), 300)}`]),
  ];
  return parts.join(' ');
}

function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
