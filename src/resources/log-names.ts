/**
 * Names of log groups and streams, as in Image Builder. Source: Image Builder User Guide, "Monitor with CloudWatch
 * Logs".
 */

const PREFIX = '/aws/imagebuilder/';

/** The group of an image's log. @param own `loggingConfiguration.logGroupName` */
export function groupOfImage(name: string, own?: string): string {
  return own ?? `${PREFIX}${spelled(name)}`;
}

/** The group of a pipeline's log. @param own `loggingConfiguration.pipelineLogGroupName` */
export function groupOfPipeline(name: string, own?: string): string {
  return own ?? `${PREFIX}pipeline/${spelled(name)}`;
}

// Names of groups cannot contain spaces; those of recipes and pipelines can.
function spelled(name: string): string {
  return name.replaceAll(/[^.\-_/#A-Za-z0-9]/g, '-');
}

/** The stream of a pipeline's log. @param time ISO-8601, UTC */
export function streamOfDay(time: string): string {
  return time.slice(0, 10).replaceAll('-', '/');
}

interface Place {
  readonly account: string;
  readonly region: string;
}

/** The ARN of a group, without the `:*` for its streams. */
export function logGroupArn({ region, account }: Place, name: string): string {
  return `arn:aws:logs:${region}:${account}:log-group:${name}`;
}

/** The ARN of a stream. Without a name, the ARN that AWS checks policies for when all streams of a group are meant. */
export function logStreamArn(place: Place, group: string, name = ''): string {
  return `${logGroupArn(place, group)}:log-stream:${name}`;
}

/** The form of a group's name on AWS. */
export const LOG_GROUP_NAME = /^[.\-_/#A-Za-z0-9]{1,512}$/;
