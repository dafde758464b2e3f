/** AWS Step Functions through the AWS SDK, with its credentials and retries. The SDK is loaded on first use. */
import { sleep } from './clock.ts';
import { clientOptions, type AwsSettings } from './aws-secrets.ts';

/** Statuses of an execution that has not ended. */
const GOES_ON = ['RUNNING', 'PENDING_REDRIVE'];
/** Milliseconds between two questions about an execution: the first, and the most. */
const ASK_MS = { first: 500, most: 10_000 };
/** Milliseconds in which an execution is stopped whose waiting was aborted. */
const STOP_MS = 10_000;

/** How an execution ended. */
export interface StateMachineExecution {
  readonly executionArn: string;
  /** `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`. */
  readonly status: string;
  /** JSON. */
  readonly output: string | undefined;
  /** Error name and cause of one that failed. */
  readonly error: string | undefined;
}

/**
 * Runs a state machine of type STANDARD to its end. A second call with the same name goes on with the same execution.
 * If `settings.signal` is aborted, the execution is stopped.
 * @param request.name of the execution: 1 to 80 characters
 * @param request.input JSON
 * @param onStart called with the execution's ARN
 * @throws the SDK's error, or the signal's reason
 */
export async function runStateMachine(
  settings: AwsSettings & { readonly signal: AbortSignal },
  request: { readonly arn: string; readonly name: string; readonly input: string },
  onStart: (executionArn: string) => void,
): Promise<StateMachineExecution> {
  const { DescribeExecutionCommand, SFNClient, StartExecutionCommand, StopExecutionCommand } = await import(
    '@aws-sdk/client-sfn'
  );
  const client = new SFNClient(clientOptions(settings));
  const { signal } = settings;
  let executionArn: string | undefined;
  try {
    try {
      const start = new StartExecutionCommand({
        stateMachineArn: request.arn,
        name: request.name,
        input: request.input,
      });
      executionArn = (await client.send(start, { abortSignal: signal })).executionArn!;
    } catch (error) {
      // The name was used before, by an earlier try of the same step: it ended meanwhile.
      if ((error as Error).name !== 'ExecutionAlreadyExists') throw error;
      executionArn = executionArnOf(request.arn, request.name);
    }
    onStart(executionArn);
    for (let wait = ASK_MS.first; ; wait = Math.min(wait * 1.5, ASK_MS.most)) {
      const { status, output, error, cause } = await client.send(new DescribeExecutionCommand({ executionArn }), {
        abortSignal: signal,
      });
      if (status !== undefined && !GOES_ON.includes(status)) {
        const said = [error, cause].filter((each) => each !== undefined && each !== '').join(': ');
        return { executionArn, status, output, error: said === '' ? undefined : said };
      }
      await sleep(wait, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    if (executionArn !== undefined)
      await client
        .send(new StopExecutionCommand({ executionArn, cause: 'The step of the image was aborted.' }), {
          abortSignal: AbortSignal.timeout(STOP_MS),
        })
        .catch(() => undefined);
    throw signal.reason;
  } finally {
    client.destroy();
  }
}

/** The ARN of an execution by its name. @param arn of the state machine, of a version or of an alias of it */
function executionArnOf(arn: string, name: string): string {
  const [, , , region, account, , machine] = arn.split(':');
  return `${arn.split(':', 2).join(':')}:states:${region}:${account}:execution:${machine}:${name}`;
}
