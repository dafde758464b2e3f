/**
 * The results of a run in awstoe's format: what `run` prints, and `detailedoutput.json`. Pure. Source: reference,
 * `awstoe.md` sections 8 and 9; the casing of every status except `success` is Ingot's choice.
 */
import type { ComponentDocument } from '../documents/component/document.ts';
import type { DocumentOutcome, PhaseOutcome, StepOutcome } from './outcome.ts';

/** The result of a document. */
export interface DocumentReport {
  readonly path: string;
  readonly document: ComponentDocument;
  readonly outcome: DocumentOutcome;
  /** ISO-8601. */
  readonly startTime: string;
  readonly endTime: string;
}

/** The result of a run of documents. */
export interface RunReport {
  readonly executionId: string;
  readonly startTime: string;
  readonly endTime: string;
  readonly documents: readonly DocumentReport[];
  /** Why the run ended, if a step's failure was not the reason. */
  readonly problem?: string;
}

/** The output of `run`. */
export interface RunSummary {
  readonly executionId: string;
  readonly status: 'success' | 'failed' | 'timedOut';
  readonly failedStepCount: number;
  readonly executedStepCount: number;
  readonly ignoredFailedStepCount: number;
  readonly skippedStepCount: number;
  readonly failureMessage: string;
  readonly logUrl: string;
}

export function runSummary(report: RunReport): RunSummary {
  const outcomes = report.documents.map(({ outcome }) => outcome);
  const sum = (count: (outcome: DocumentOutcome) => number): number =>
    outcomes.reduce((total, outcome) => total + count(outcome), 0);
  const bad = outcomes.find(({ status }) => status !== 'success')?.status;
  return {
    executionId: report.executionId,
    status: bad ?? (report.problem === undefined ? 'success' : 'failed'),
    failedStepCount: sum((outcome) => outcome.failedStepCount),
    executedStepCount: sum((outcome) => outcome.executedStepCount),
    ignoredFailedStepCount: sum((outcome) => outcome.ignoredFailedStepCount),
    skippedStepCount: sum((outcome) => outcome.skippedStepCount),
    failureMessage: failureOf(report),
    logUrl: '',
  };
}

function failureOf(report: RunReport): string {
  if (report.problem !== undefined) return report.problem;
  return report.documents
    .filter(({ outcome }) => outcome.status !== 'success')
    .map(({ path }) => `Document ${path} failed!`)
    .join(' ');
}

/** The content of `detailedoutput.json`. */
export function detailedOutput(report: RunReport): object {
  return {
    executionId: report.executionId,
    status: runSummary(report).status,
    startTime: report.startTime,
    endTime: report.endTime,
    failureMessage: failureOf(report),
    documents: report.documents.map(documentOutput),
  };
}

function documentOutput({ path, document, outcome, startTime, endTime }: DocumentReport): object {
  return {
    name: document.name ?? '',
    filePath: path,
    status:
      outcome.status === 'success' && outcome.ignoredFailedStepCount > 0 ? 'successWithIgnoredFailure' : outcome.status,
    description: document.description ?? '',
    startTime,
    endTime,
    failureMessage: outcome.failure?.message ?? '',
    phases: outcome.phases.map((phase) => phaseOutput(document, phase, startTime)),
  };
}

function phaseOutput(document: ComponentDocument, phase: PhaseOutcome, startTime: string): object {
  return {
    name: phase.name,
    status: lowerFirst(phase.status),
    startTime: phase.steps[0]?.startTime ?? startTime,
    endTime: phase.steps.at(-1)?.endTime ?? startTime,
    failureMessage: phase.steps.find(({ status }) => status === 'Failed')?.failureMessage ?? '',
    steps: phase.steps.map((step) => stepOutput(document, phase.name, step)),
  };
}

function stepOutput(document: ComponentDocument, phase: string, step: StepOutcome): object {
  const written = document.phases.find(({ name }) => name === phase)?.steps.find(({ name }) => name === step.name);
  return {
    name: step.name,
    status: lowerFirst(step.status),
    failureMessage: step.failureMessage ?? '',
    timeoutSeconds: written?.timeoutSeconds,
    onFailure: written?.onFailure,
    maxAttempts: written?.maxAttempts,
    action: step.action,
    startTime: step.startTime,
    endTime: step.endTime,
    // Lists become text.
    inputs: JSON.stringify(Array.isArray(step.inputs) ? step.inputs : [step.inputs]),
    outputs: JSON.stringify(Object.keys(step.outputs).length === 0 ? [] : [step.outputs]),
    loop: written?.loop ?? null,
    detailedOutput: step.detailedOutput ?? null,
  };
}

/** The text about the first failed step, as at the end of `console.log`. */
export function failureBlock({ path, outcome }: DocumentReport): readonly string[] {
  const { failure } = outcome;
  if (failure === undefined) return [];
  return [
    `    Document: ${path}`,
    ...(path.startsWith('arn:') ? [`    ComponentArn: ${path}`] : []),
    `    Phase: ${failure.phase}`,
    `    Step: ${failure.step}`,
    `    Action: ${failure.action}`,
    `    ErrorMessage: ${failure.message}`,
    ...(failure.outputTail.length === 0 ? [] : [`    Stderr: ${failure.outputTail.slice(-5).join('\n            ')}`]),
  ];
}

/** Values that chaining inserted into inputs. The format of `chaining.json` is Ingot's own. */
export function chainingOutput(report: RunReport): object {
  return {
    documents: report.documents.map(({ path, outcome }) => ({
      filePath: path,
      steps: outcome.phases.flatMap((phase) =>
        phase.steps.map((step) => ({ phase: phase.name, step: step.name, inputs: step.inputs, outputs: step.outputs })),
      ),
    })),
  };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
