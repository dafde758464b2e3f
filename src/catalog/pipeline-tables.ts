/** Tables of what happens by itself. Times are ISO-8601 text. */
import type { Generated } from 'kysely';

/** These tables by name, as Kysely sees them. */
export interface PipelineTables {
  pipeline_schedules: PipelineScheduleTable;
  pipeline_runs: PipelineRunTable;
  lifecycle_schedules: LifecycleScheduleTable;
}

/** When a lifecycle policy runs next: one row for each that is enabled. */
interface LifecycleScheduleTable {
  policy_arn: string;
  due: string;
}

/** When a pipeline is due: one row for each that is enabled and has a schedule. */
interface PipelineScheduleTable {
  pipeline_arn: string;
  /** What a `rate` counts from: when the pipeline was made, or changed last. */
  anchor: string;
  /** The next due time; null when it has not been worked out, or there is none. */
  due: string | null;
  /** When it is looked at next: the due time, or later where that was put off. */
  look_at: string;
}

/** What may start a pipeline. */
export type CauseKind = 'person' | 'schedule' | 'parent' | 'packages' | 'hook' | 'rule' | 'retry';

/** What became of it: `put off` may still become another, `disabled` is a pipeline that its failures disabled. */
type RunOutcome = 'started' | 'skipped' | 'refused' | 'put off' | 'disabled';

/** One decision to start a pipeline, or not to. */
interface PipelineRunTable {
  seq: Generated<number>;
  pipeline_arn: string;
  /** What happens once: a due time, a delivery of a hook. With the pipeline it is unique. */
  occurrence: string;
  cause: CauseKind;
  /** Who or what: a principal's ARN, an expression, the ARN of a parent. */
  by: string;
  at: string;
  /** A sentence. */
  because: string;
  due: string | null;
  outcome: RunOutcome;
  /** Why it was not started: sentences. */
  reason: string | null;
  /** When it is asked again. */
  next: string | null;
  image_arn: string | null;
  /** JSON: what was named without its build, and what it meant then. */
  dependencies: string | null;
}
