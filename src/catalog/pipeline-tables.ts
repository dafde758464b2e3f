/** Tables of automatic runs. Times are ISO-8601 text. */
import type { Generated } from 'kysely';

/** These tables by name, as Kysely sees them. */
export interface PipelineTables {
  pipeline_schedules: PipelineScheduleTable;
  pipeline_runs: PipelineRunTable;
  lifecycle_schedules: LifecycleScheduleTable;
  pipeline_rules: PipelineRuleTable;
}

/** How far the events are read for a pipeline that rules start. */
interface PipelineRuleTable {
  pipeline_arn: string;
  /** `seq` of the last event that was decided. */
  position: number;
}

/** When a lifecycle policy runs next: one row for each that is enabled. */
interface LifecycleScheduleTable {
  policy_arn: string;
  due: string;
}

/** When a pipeline is due: one row for each that is enabled and has a schedule. */
interface PipelineScheduleTable {
  pipeline_arn: string;
  /** What a `rate` counts from: when the pipeline was created, or last changed. */
  anchor: string;
  /** The next due time; null if it was not computed yet, or there is none. */
  due: string | null;
  /** When it is checked next: the due time, or later if it was postponed. */
  look_at: string;
}

/** What may start a pipeline. */
export type CauseKind = 'person' | 'schedule' | 'parent' | 'packages' | 'hook' | 'rule' | 'retry';

/** The result: `put off` may still change, `disabled` is a pipeline that was disabled after failures. */
type RunOutcome = 'started' | 'skipped' | 'refused' | 'put off' | 'disabled';

/** One decision to start a pipeline, or not to. */
interface PipelineRunTable {
  seq: Generated<number>;
  pipeline_arn: string;
  /** Identifies a due time or a delivery of a hook. It is unique per pipeline. */
  occurrence: string;
  cause: CauseKind;
  /** A principal's ARN, an expression, or the ARN of a parent. */
  by: string;
  at: string;
  /** A sentence. */
  because: string;
  due: string | null;
  outcome: RunOutcome;
  /** Why it was not started: sentences. */
  reason: string | null;
  /** When it is tried again. */
  next: string | null;
  image_arn: string | null;
  /** JSON: names without a build number, and what they resolved to. */
  dependencies: string | null;
}
