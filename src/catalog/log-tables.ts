/** Tables of log groups and streams. Times are ISO-8601 text. */
import type { Generated } from 'kysely';

/** These tables by name, as Kysely sees them. */
export interface LogTables {
  log_groups: LogGroupTable;
  log_streams: LogStreamTable;
  pipeline_log: PipelineLogTable;
  log_destinations: LogDestinationTable;
  log_shipments: LogShipmentTable;
}

/** Log groups, which outlive the images and pipelines that write to them. */
interface LogGroupTable {
  account: string;
  region: string;
  name: string;
  created: string;
  /** Days that events are kept; null means forever. */
  retention_days: number | null;
}

/** The name under which an image's log is found. In a custom group, several images may share a stream. */
interface LogStreamTable {
  image_arn: string;
  account: string;
  region: string;
  group_name: string;
  name: string;
  created: string;
}

/** Events of the logs of pipelines. */
interface PipelineLogTable {
  seq: Generated<number>;
  account: string;
  region: string;
  group_name: string;
  stream: string;
  time: string;
  /** JSON of a `PipelineLogRecord`. */
  record: string;
}

/** Destinations that logs are shipped to. */
interface LogDestinationTable {
  name: string;
  /** Logs that began earlier are not shipped. */
  since: string;
  /** Number of the last shipped event of pipelines. */
  pipelines_after: number;
  failing_since: string | null;
  error: string | null;
}

/** How much of an image's log a destination has. */
interface LogShipmentTable {
  destination: string;
  image_arn: string;
  /** In bytes. */
  position: number;
  done: number;
}
