/** A build's records, as `ingot build --json` prints them, cut into the parts that took time. Pure. */
import type { ProgressRecord } from '../../src/resources/progress.ts';
import type { Span } from './figures.ts';

/** A build as it was seen from outside. */
export interface BuildRun {
  /** Milliseconds since 1970 at which the command was started, and at which it had ended. */
  readonly started: number;
  readonly ended: number;
  readonly records: readonly ProgressRecord[];
}

/** The parts that the issue asks after, under these names. */
export const WHOLE = 'whole';
export const READY = 'instance ready';
export const BASE = 'base image';
export const COMMANDS = 'first to last command of the build phase';

/** Every part of a build, in its order; those that lie within another are indented. */
export function spansOf({ started, ended, records }: BuildRun): readonly Span[] {
  const spans: Span[] = [];
  const add = (name: string, from: number, to: number): void => void spans.push({ name, seconds: (to - from) / 1000 });
  const creating = records.find(({ type, status }) => type === 'state' && status === 'CREATING');
  if (creating !== undefined) add('command, server, resources', started, at(creating));
  spans.push(...baseSpans(records));

  for (const step of workflowSteps(records)) {
    add(step.name, step.from, step.to);
    const inside = records.filter((record) => record.step === step.name && record.workflow === step.workflow);
    if (step.action === 'ExecuteComponents')
      for (const span of componentSpans(inside))
        spans.push({ ...span, name: `  ${span.name}${step.workflow === 'test-image' ? ' (test)' : ''}` });
    if (step.action === 'LaunchInstance')
      for (const span of bootSpans(inside, step.from)) spans.push({ ...span, name: `  ${span.name}` });
  }
  const last = records.at(-1);
  if (last !== undefined) add('after the last record', at(last), ended);
  add(WHOLE, started, ended);

  const commands = commandTimes(records);
  if (commands !== undefined) add(COMMANDS, commands.first, commands.last);
  const launch = workflowSteps(records).find(({ action }) => action === 'LaunchInstance');
  if (launch !== undefined) add(READY, launch.from, launch.to);
  return spans;
}

/** The whole of a build without its instances, commands and disks, under this name. */
export const ENGINE = 'engine';
export const FIRST_COMMAND = 'from the request to the first command';

/**
 * Where the time of a build goes that is not its instances' own: before the first step, between steps, between the
 * steps of components, behind the last step.
 */
export function engineSpans({ started, ended, records }: BuildRun): readonly Span[] {
  const steps = workflowSteps(records);
  const first = records.find(({ type, documentStep }) => type === 'step' && documentStep !== undefined);
  const components = steps.filter(({ action }) => action === 'ExecuteComponents');
  // Of the steps that run components, theirs is what the commands and layers took.
  const inside = components.map(({ name, workflow, from, to }) => {
    const own = componentSpans(records.filter((record) => record.step === name && record.workflow === workflow));
    return { took: (to - from) / 1000, own: own.reduce((sum, span) => sum + span.seconds, 0) };
  });
  const between = steps.slice(1).map(({ from }, index) => Math.max(0, from - steps[index]!.to) / 1000);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const parts: readonly Span[] = [
    { name: 'before the first step', seconds: (steps[0]!.from - started) / 1000 },
    { name: 'between steps', seconds: sum(between) },
    { name: 'around components', seconds: sum(inside.map(({ took, own }) => took - own)) },
    { name: 'after the last step', seconds: (ended - steps.at(-1)!.to) / 1000 },
  ];
  return [
    ...parts,
    ...steps.map(({ name, from, to }) => ({ name: `step ${name}`, seconds: (to - from) / 1000 })),
    { name: WHOLE, seconds: (ended - started) / 1000 },
    { name: ENGINE, seconds: sum(parts.map(({ seconds }) => seconds)) },
    ...(first === undefined ? [] : [{ name: FIRST_COMMAND, seconds: (at(first) - started) / 1000 }]),
  ];
}

/** When the first command of the build stage began and the last one ended, in milliseconds since 1970. */
function commandTimes(
  records: readonly ProgressRecord[],
): { readonly first: number; readonly last: number } | undefined {
  const steps = records.filter(
    ({ type, documentStep, workflow }) => type === 'step' && documentStep !== undefined && workflow !== 'test-image',
  );
  return steps.length === 0 ? undefined : { first: at(steps[0]!), last: at(steps.at(-1)!) };
}

/** What the steps of a component took together, without what lies between them. */
export function componentSeconds(records: readonly ProgressRecord[], component: string): number {
  return records
    .filter((record) => record.type === 'step' && record.component === component)
    .reduce((sum, record) => sum + (record.seconds ?? 0), 0);
}

interface StepTimes {
  readonly name: string;
  readonly workflow: string | undefined;
  readonly action: string | undefined;
  readonly from: number;
  readonly to: number;
}

function workflowSteps(records: readonly ProgressRecord[]): readonly StepTimes[] {
  const steps: StepTimes[] = [];
  for (const begin of records) {
    if (
      begin.type !== 'step' ||
      begin.documentStep !== undefined ||
      begin.seconds !== undefined ||
      begin.status === 'SKIPPED'
    )
      continue;
    const end = records.find(
      (record) =>
        record.type === 'step' &&
        record.documentStep === undefined &&
        record.step === begin.step &&
        record.workflow === begin.workflow &&
        record.seconds !== undefined,
    );
    if (end !== undefined)
      steps.push({ name: begin.step!, workflow: begin.workflow, action: begin.action, from: at(begin), to: at(end) });
  }
  return steps;
}

/** Each component, and the layer that was made of the disk after it. */
function componentSpans(records: readonly ProgressRecord[]): readonly Span[] {
  const names = [
    ...new Set(
      records.flatMap(({ component, type }) => (component === undefined || type !== 'step' ? [] : [component])),
    ),
  ];
  return names.flatMap((name) => {
    const own = records.filter(({ component }) => component === name);
    const steps = own.filter(({ type }) => type === 'step');
    const layer = own.find(({ text }) => /^layer \S+ \([0-9a-f]+\) holds the disk/.test(text));
    return [
      { name, seconds: (at(steps.at(-1)!) - at(steps[0]!)) / 1000 },
      ...(layer === undefined
        ? []
        : [{ name: `layer after ${name}`, seconds: (at(layer) - at(steps.at(-1)!)) / 1000 }]),
    ];
  });
}

/** The making of a base image, where one was made. */
function baseSpans(records: readonly ProgressRecord[]): readonly Span[] {
  const marks = [
    ['', /^base image \S+ does not exist yet/],
    ['before it', /^fetching the packages of /],
    ['packages', /^configuring the image$/],
    ['configuration', /^writing the disk$/],
    ['disk', /^base image \S+ \S+ made in /],
  ] as const;
  const times = marks.map(([, pattern]) => records.find(({ text }) => pattern.test(text)));
  if (times.some((record) => record === undefined)) return [];
  const between = (from: number, to: number): number => (at(times[to]!) - at(times[from]!)) / 1000;
  return [
    { name: BASE, seconds: between(0, marks.length - 1) },
    ...marks.slice(1).map(([name], index) => ({ name: `  ${name}`, seconds: between(index, index + 1) })),
  ];
}

/** How far a machine was when: from its log's lines. */
function bootSpans(records: readonly ProgressRecord[], from: number): readonly Span[] {
  const marks: readonly (readonly [name: string, pattern: RegExp])[] = [
    ['to the kernel', /: its guest agent$/],
    ['to the guest agent', / answers after [\d.]+ s$/],
    ['to all services', / has started all its services after /],
  ];
  const spans: Span[] = [];
  let before = from;
  for (const [name, pattern] of marks) {
    const record = records.find(({ text }) => pattern.test(text));
    if (record === undefined) continue;
    spans.push({ name, seconds: (at(record) - before) / 1000 });
    before = at(record);
  }
  return spans;
}

function at(record: ProgressRecord): number {
  return Date.parse(record.time);
}
