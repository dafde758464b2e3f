/** The state of a build, from its progress records. Pure: time comes from the records. */
import type { ProgressRecord } from '../../resources/progress.ts';
import { plainLine } from '../text.ts';

/** Lines of output that are kept per step. */
const KEPT_LINES = 20;

/** A number, from 1, and the total. */
export interface Place {
  readonly number: number;
  readonly total: number;
}

/** A step of a workflow, or of a component's document below it. */
export interface StepState {
  readonly label: string;
  /** 0 for a workflow's step, 1 for a document's. */
  readonly depth: 0 | 1;
  /** The component whose document contains it. */
  readonly component?: string;
  /** Its label below its component's line. */
  readonly title?: string;
  /** Its position in its workflow or document. */
  readonly place?: Place;
  /** `cached`: a component that a layer contains. */
  status: 'running' | 'done' | 'failed' | 'ignored' | 'skipped' | 'cancelled' | 'cached';
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** The message of its failure. */
  message?: string;
  /** Its duration, once it has ended. */
  seconds?: number;
  /** Identifies it: see `stepKey`. */
  readonly key: string;
  /** The last lines of its output. */
  readonly lines: string[];
  progress?: { readonly text: string; readonly done: number; readonly total: number } | undefined;
}

/** Durations of an earlier build's parts, in seconds. */
export interface LastRun {
  /** By `stepKey`. */
  readonly steps: ReadonlyMap<string, number>;
  readonly seconds: number;
}

/** A build, as far as its records show. */
export interface BuildState {
  readonly steps: StepState[];
  /** The image's status. */
  status: string;
  /** The number of its current stage. */
  stage?: Place | undefined;
  /** Time of the first record, in milliseconds since 1970. */
  startedAt?: number;
  /** Time of its end. */
  endedAt?: number;
  readonly warnings: string[];
  /** Components in reused layers, until the step that would run them. */
  readonly cached: string[];
  last?: LastRun;
}

/** A build without records. */
export function newBuildState(): BuildState {
  return { steps: [], status: 'PENDING', warnings: [], cached: [] };
}

const STATUSES: Readonly<Record<string, StepState['status']>> = {
  RUNNING: 'running',
  COMPLETED: 'done',
  SUCCESS: 'done',
  FAILED: 'failed',
  IGNOREDFAILURE: 'ignored',
  SKIPPED: 'skipped',
  CANCELLED: 'cancelled',
};
const ENDS = new Set(['AVAILABLE', 'FAILED', 'CANCELLED']);

/** Identifies a step of a workflow or a document, equal in each build. */
export function stepKey(record: ProgressRecord): string {
  const { workflow, step, component, phase, documentStep } = record;
  return [workflow, step, ...(documentStep === undefined ? [] : [component, phase, documentStep])].join('/');
}

/** Applies one record to the state. */
export function applyRecord(state: BuildState, record: ProgressRecord): void {
  const time = Date.parse(record.time);
  state.startedAt ??= time;
  switch (record.type) {
    case 'state':
      if (record.status !== undefined) applyStatus(state, record.status, placeOf(record), time);
      return;
    case 'step':
      applyStep(state, record, time);
      return;
    case 'progress': {
      const step = currentStep(state);
      if (step !== undefined && record.done !== undefined && record.total !== undefined)
        step.progress = { text: plainLine(record.text), done: record.done, total: record.total };
      return;
    }
    case 'log':
      if (record.level === 'warn' || record.level === 'error') state.warnings.push(plainLine(record.text));
      if (record.status === 'CACHED' && record.component !== undefined) state.cached.push(plainLine(record.component));
      addLine(state, record.text);
      return;
    case 'output':
      addLine(state, record.text);
  }
}

function placeOf({ done, total }: ProgressRecord): Place | undefined {
  return done === undefined || total === undefined ? undefined : { number: done, total };
}

function applyStatus(state: BuildState, status: string, stage: Place | undefined, time: number): void {
  state.status = status;
  state.stage = stage;
  if (!ENDS.has(status)) return;
  state.endedAt = time;
  // A step that was stopped in the middle has no record of its end.
  for (const step of state.steps) endStep(step, status === 'CANCELLED' ? 'cancelled' : 'failed', time);
}

function endStep(step: StepState, status: StepState['status'], time: number): void {
  if (step.status !== 'running') return;
  step.status = status;
  step.progress = undefined;
  step.seconds = Math.max(0, (time - step.startedAt) / 1000);
}

function applyStep(state: BuildState, record: ProgressRecord, time: number): void {
  const { component = '?', phase = '', documentStep } = record;
  const inDocument = documentStep !== undefined;
  const label = plainLine(inDocument ? `${component} ${phase}: ${documentStep}` : (record.step ?? record.text));
  const depth = inDocument ? 1 : 0;
  const status = STATUSES[(record.status ?? '').toUpperCase()] ?? 'running';
  const open = state.steps.findLast(
    (step) => step.depth === depth && step.label === label && step.status === 'running',
  );
  if (open === undefined) {
    const place = placeOf(record);
    state.steps.push({
      key: stepKey(record),
      label,
      depth,
      status,
      startedAt: time,
      lines: [],
      ...(inDocument ? { component: plainLine(component), title: plainLine(`${phase}: ${documentStep}`) } : {}),
      place,
      ...(status === 'failed' ? { message: plainLine(record.text) } : {}),
      ...(status === 'running' || record.seconds === undefined ? {} : { seconds: record.seconds }),
    });
    if (record.action === 'ExecuteComponents') showCached(state, time);
    return;
  }
  if (status === 'running') return;
  // Steps inside a stopped workflow step end with it.
  if (depth === 0 && (status === 'cancelled' || status === 'failed'))
    for (const inner of state.steps.slice(state.steps.indexOf(open) + 1)) endStep(inner, status, time);
  if (status === 'failed') open.message = plainLine(record.text);
  open.status = status;
  open.progress = undefined;
  open.seconds = record.seconds ?? Math.max(0, (time - open.startedAt) / 1000);
}

/** Components from layers are shown where they would have run. */
function showCached(state: BuildState, time: number): void {
  for (const component of state.cached.splice(0))
    state.steps.push({
      key: component,
      label: component,
      component,
      depth: 1,
      status: 'cached',
      startedAt: time,
      lines: [],
    });
}

/** The innermost running step. */
export function currentStep(state: BuildState): StepState | undefined {
  return state.steps.findLast((step) => step.status === 'running');
}

/** The step whose failure ended the build: the innermost failed one. */
export function failedStep(state: BuildState): StepState | undefined {
  const failed = state.steps.filter((step) => step.status === 'failed');
  return failed.findLast((step) => step.depth === 1) ?? failed.at(-1);
}

function addLine(state: BuildState, text: string): void {
  const line = plainLine(text);
  const step = currentStep(state);
  if (step === undefined || line.trim() === '') return;
  step.lines.push(line);
  if (step.lines.length > KEPT_LINES) step.lines.shift();
}
