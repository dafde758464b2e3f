/** The tests of an image as JUnit XML, from the records of its log. Pure. */
import type { ProgressRecord } from '../../resources/progress.ts';
import { xml } from '../toe/table.ts';

/** Lines of output that a failed step shows. */
const OUTPUT_LINES = 200;

interface Case {
  readonly name: string;
  readonly place: string;
  readonly seconds: number;
  readonly status: 'passed' | 'failed' | 'ignored' | 'skipped';
  readonly message: string;
  readonly output: readonly string[];
}

const STATUSES: Readonly<Record<string, Case['status']>> = {
  completed: 'passed',
  success: 'passed',
  failed: 'failed',
  cancelled: 'failed',
  ignoredfailure: 'ignored',
  skipped: 'skipped',
};

/** Collects records, one after the other. */
export class TestCases {
  readonly #cases: Case[] = [];
  #output: string[] = [];

  /** Takes a record of the image's log. */
  add(record: ProgressRecord): void {
    const { type, status, workflow, step, component, phase, documentStep, seconds = 0, text, stream } = record;
    if (type === 'output' && stream !== 'console') this.#output = [...this.#output.slice(1 - OUTPUT_LINES), text];
    if (type !== 'step' || workflow === undefined) return;
    const ended = STATUSES[(status ?? '').toLowerCase()];
    if (ended === undefined) {
      this.#output = [];
      return;
    }
    this.#cases.push({
      name: documentStep ?? step ?? workflow,
      place: [workflow, ...(documentStep === undefined ? [] : [step, component, phase])]
        .filter((each) => each !== undefined)
        .join('.'),
      seconds,
      status: ended,
      message: ended === 'passed' ? '' : text,
      output: ended === 'failed' || ended === 'ignored' ? this.#output : [],
    });
  }

  /** Whether a step of a test ran or was skipped. */
  get isEmpty(): boolean {
    return this.#cases.length === 0;
  }

  /**
   * A suite for each place (a workflow, or a phase of a component), a case for each step.
   * @param problem why nothing was tested, if that is so
   */
  junit(problem?: string): string {
    const places = [...new Set(this.#cases.map(({ place }) => place))];
    const suites = places.map((place) => {
      const cases = this.#cases.filter((each) => each.place === place);
      const count = (status: Case['status']): number => cases.filter((each) => each.status === status).length;
      return (
        `  <testsuite name="${xml(place)}" tests="${cases.length}" failures="${count('failed')}" ` +
        `skipped="${count('skipped')}">\n${cases.map(caseXml).join('\n')}\n  </testsuite>`
      );
    });
    if (problem !== undefined && !this.#cases.some(({ status }) => status === 'failed'))
      suites.push(
        '  <testsuite name="image" tests="1" errors="1"><testcase name="image"><error ' +
          `message="${xml(problem)}"/></testcase></testsuite>`,
      );
    return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('\n')}\n</testsuites>\n`;
  }
}

function caseXml({ name, place, seconds, status, message, output }: Case): string {
  const open = `    <testcase name="${xml(name)}" classname="${xml(place)}" time="${seconds.toFixed(3)}">`;
  const lines = xml(output.join('\n'));
  const body = {
    passed: '',
    failed: `<failure message="${xml(message)}">${lines}</failure>`,
    ignored: `<system-out>${xml(`ignored: ${message}`)}&#10;${lines}</system-out>`,
    skipped: '<skipped/>',
  }[status];
  return `${open}${body}</testcase>`;
}
