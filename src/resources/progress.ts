/**
 * The one record of progress and logs. `--json`, `logs`, the terminal and later the console and CloudWatch are views of
 * it.
 */

/** Changes when a reader of older records would misread newer ones. */
export const PROGRESS_VERSION = 1;

/** One event in the work on an image. Members that do not apply are absent. */
export interface ProgressRecord {
  readonly v: typeof PROGRESS_VERSION;
  /** ISO-8601 with milliseconds and `Z`. */
  readonly time: string;
  readonly type: 'log' | 'output' | 'state' | 'step' | 'progress';
  /** ARN of the image's build version. */
  readonly image: string;
  /** Workflow's name, such as `build-image`. */
  readonly workflow?: string;
  /** Workflow step's name, such as `ApplyBuildComponents`. */
  readonly step?: string;
  /** Component's name, such as `update-linux`. */
  readonly component?: string;
  readonly phase?: string;
  /** Name of the component document's step. */
  readonly documentStep?: string;
  /** Action module or step action, such as `ExecuteBash`. */
  readonly action?: string;
  /** Which stream `text` came from, for type `output`. */
  readonly stream?: 'stdout' | 'stderr' | 'console';
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** One line, without its newline. */
  readonly text: string;
  /** For type `state` (an image) and `step`: the new status. `CACHED`, for type `log`: a layer holds the component. */
  readonly status?: string;
  /** For a `step` that ended: how long it took, in seconds. */
  readonly seconds?: number;
  /** For type `log`: a line of the summary at the end of a failed image's log. */
  readonly summary?: true;
  /** For type `progress`: amounts in the same unit. For a `step`, or the `state` of a stage: which one of how many. */
  readonly done?: number;
  readonly total?: number;
}

/** What a caller gives; the log adds version, time, image, and a level if absent. */
export type ProgressEvent = Omit<ProgressRecord, 'v' | 'time' | 'image' | 'level'> & {
  readonly level?: ProgressRecord['level'];
};

/** Receives progress records. Must not throw, and returns at once. */
export type Report = (event: ProgressEvent) => void;

/** Adds members (the workflow's name, the component's) to every record that passes through the returned function. */
export function within(report: Report, context: Partial<ProgressEvent>): Report {
  return (event) => report({ ...context, ...event });
}
