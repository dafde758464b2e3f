/** What is known of a build, gathered from its progress records. Pure: time comes from the records. */
import type { ProgressRecord } from '../../resources/progress.ts';
import { plainLine } from '../text.ts';

/** Lines of output kept for each step. */
const KEPT_LINES = 20;

/** A step of a workflow, or one of a component's document beneath it. */
export interface StepState {
  readonly label: string;
  /** 0 for a workflow's step, 1 for a document's. */
  readonly depth: 0 | 1;
  status: 'running' | 'done' | 'failed' | 'ignored' | 'skipped' | 'cancelled';
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** What it ended with, when it failed. */
  message?: string;
  /** How long it took, once it has ended. */
  seconds?: number;
  /** The last lines that it printed. */
  readonly lines: string[];
  progress?: { readonly text: string; readonly done: number; readonly total: number } | undefined;
}

/** A build as far as it was told. */
export interface BuildState {
  readonly steps: StepState[];
  /** The image's status. */
  status: string;
  /** Time of the first record, in milliseconds since the epoch. */
  startedAt?: number;
  readonly warnings: string[];
}

/** A build of which nothing is known yet. */
export function newBuildState(): BuildState {
  return { steps: [], status: 'PENDING', warnings: [] };
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

/** Adds one record to what is known. */
export function applyRecord(state: BuildState, record: ProgressRecord): void {
  const time = Date.parse(record.time);
  state.startedAt ??= time;
  switch (record.type) {
    case 'state':
      if (record.status !== undefined) state.status = record.status;
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
      addLine(state, record.text);
      return;
    case 'output':
      addLine(state, record.text);
  }
}

function applyStep(state: BuildState, record: ProgressRecord, time: number): void {
  const inDocument = record.documentStep !== undefined;
  const label = plainLine(
    inDocument
      ? `${record.component ?? '?'} ${record.phase ?? ''}: ${record.documentStep}`
      : (record.step ?? record.text),
  );
  const depth = inDocument ? 1 : 0;
  const status = STATUSES[(record.status ?? '').toUpperCase()] ?? 'running';
  const open = state.steps.findLast(
    (step) => step.depth === depth && step.label === label && step.status === 'running',
  );
  if (status === 'running' && open === undefined) {
    state.steps.push({ label, depth, status, startedAt: time, lines: [] });
    return;
  }
  const message = status === 'failed' ? { message: plainLine(record.text) } : {};
  if (open === undefined) {
    state.steps.push({
      label,
      depth,
      status,
      startedAt: time,
      lines: [],
      ...message,
      ...(record.seconds === undefined ? {} : { seconds: record.seconds }),
    });
    return;
  }
  Object.assign(open, message);
  open.status = status;
  open.progress = undefined;
  if (status !== 'running') open.seconds = record.seconds ?? Math.max(0, (time - open.startedAt) / 1000);
}

/** The innermost step that runs. */
export function currentStep(state: BuildState): StepState | undefined {
  return state.steps.findLast((step) => step.status === 'running');
}

/** The step whose failure ended the build: the innermost that failed. */
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
