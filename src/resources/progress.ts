/**
 * The record of progress and logs. `--json`, `logs`, the terminal and later the console and CloudWatch are views of it.
 */

/** Incremented when a reader of older records would misinterpret newer ones. */
export const PROGRESS_VERSION = 1;

/** One event in the work on an image. Members that do not apply are absent. */
export interface ProgressRecord {
  readonly v: typeof PROGRESS_VERSION;
  /** ISO-8601 with milliseconds and `Z`. */
  readonly time: string;
  readonly type: 'log' | 'output' | 'state' | 'step' | 'progress';
  /** ARN of the image's build version. */
  readonly image: string;
  /** Name of the workflow, such as `build-image`. */
  readonly workflow?: string;
  /** Name of the workflow step, such as `ApplyBuildComponents`. */
  readonly step?: string;
  /** Name of the component, such as `update-linux`. */
  readonly component?: string;
  readonly phase?: string;
  /** Name of the component document's step. */
  readonly documentStep?: string;
  /** Action module or step action, such as `ExecuteBash`. */
  readonly action?: string;
  /** The stream of `text`, for type `output`. */
  readonly stream?: 'stdout' | 'stderr' | 'console';
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** One line, without its newline. */
  readonly text: string;
  /**
   * For type `state` (an image) and `step`: the new status. For type `log`, `CACHED` means that a layer contains the
   * component.
   */
  readonly status?: string;
  /** Duration of a finished `step` in seconds. */
  readonly seconds?: number;
  /** For type `log`: a line of the summary at the end of a failed image's log. */
  readonly summary?: true;
  /**
   * For type `progress`: amounts in the same unit. For a `step`, or the `state` of a stage: its number, and the total.
   */
  readonly done?: number;
  readonly total?: number;
}

/** The caller's part of a record. The log adds version, time, image, and a level if absent. */
export type ProgressEvent = Omit<ProgressRecord, 'v' | 'time' | 'image' | 'level'> & {
  readonly level?: ProgressRecord['level'];
};

/** Receives progress records. It must not throw, and must return at once. */
export type Report = (event: ProgressEvent) => void;

/** Adds members (the workflow's name, the component's) to every record that is passed to the returned function. */
export function within(report: Report, context: Partial<ProgressEvent>): Report {
  return (event) => report({ ...context, ...event });
}
