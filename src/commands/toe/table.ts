/** The steps of a run as a table for people, and as JUnit XML for CI. Pure. */
import type { StepOutcome } from '../../runner/outcome.ts';
import { duration, plainLine, table } from '../text.ts';
import type { DocumentReport, RunReport } from '../../runner/detailed-output.ts';

const MARKS: Readonly<Record<StepOutcome['status'], string>> = {
  Success: 'ok',
  Failed: 'FAILED',
  IgnoredFailure: 'ignored',
  Skipped: 'skipped',
};

/** One line per step, and one for those that were not reached. */
export function stepTable(report: RunReport): string {
  return report.documents.map((document) => `${plainLine(document.path)}\n${documentTable(document)}`).join('\n');
}

function documentTable({ document, outcome }: DocumentReport): string {
  const reached = outcome.phases.flatMap((phase) =>
    phase.steps.map((step) => [
      `  ${MARKS[step.status]}`,
      phase.name,
      plainLine(step.name),
      step.action,
      duration(secondsOf(step)),
      plainLine(step.failureMessage ?? ''),
    ]),
  );
  const planned = document.phases
    .filter(({ name }) => outcome.phases.some((phase) => phase.name === name))
    .reduce((count, { steps }) => count + steps.length, 0);
  const left = planned - reached.length;
  if (reached.length === 0) return '  no step ran\n';
  const rows = table([['  result', 'phase', 'step', 'action', 'time', ''], ...reached], [4]);
  return left === 0 ? rows : `${rows}  ${left} step${left === 1 ? ' was' : 's were'} not reached\n`;
}

function secondsOf(step: StepOutcome): number {
  return (Date.parse(step.endTime) - Date.parse(step.startTime)) / 1000;
}

/** JUnit XML: a suite for each phase of each document, a case for each step. */
export function junit(report: RunReport): string {
  const suites = report.documents.flatMap((document) =>
    document.outcome.phases.map((phase) => {
      const cases = phase.steps.map((step) => {
        const attributes =
          `name="${xml(step.name)}" classname="${xml(`${document.path}.${phase.name}`)}" ` +
          `time="${secondsOf(step).toFixed(3)}"`;
        const { failure } = document.outcome;
        const tail = failure?.phase === phase.name && failure.step === step.name ? failure.outputTail.join('\n') : '';
        if (step.status === 'Failed')
          return (
            `    <testcase ${attributes}><failure ` +
            `message="${xml(step.failureMessage ?? '')}">${xml(tail)}</failure></testcase>`
          );
        if (step.status === 'Skipped') return `    <testcase ${attributes}><skipped/></testcase>`;
        const out =
          step.status === 'IgnoredFailure'
            ? `<system-out>${xml(`ignored: ${step.failureMessage ?? ''}`)}</system-out>`
            : '';
        return `    <testcase ${attributes}>${out}</testcase>`;
      });
      const failures = phase.steps.filter(({ status }) => status === 'Failed').length;
      const skipped = phase.steps.filter(({ status }) => status === 'Skipped').length;
      return (
        `  <testsuite name="${xml(`${document.path}: ${phase.name}`)}" tests="${phase.steps.length}" ` +
        `failures="${failures}" skipped="${skipped}">\n${cases.join('\n')}\n  </testsuite>`
      );
    }),
  );
  const problem =
    report.problem === undefined
      ? []
      : [
          '  <testsuite name="run" tests="1" errors="1"><testcase name="run"><error ' +
            `message="${xml(report.problem)}"/></testcase></testsuite>`,
        ];
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${[...suites, ...problem].join('\n')}\n</testsuites>\n`;
}

/** Escapes text for XML, without characters that XML 1.0 cannot contain. */
export function xml(text: string): string {
  const allowed = text.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '');
  return allowed
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;');
}
