/** Runs what the operator registered as a state machine: a command on this host, a web hook, or one of AWS's. */
import { checkSecret, signedHeaders } from '../../events/receivers/web-hook.ts';
import { settingText } from '../../events/secret-settings.ts';
import { runStateMachine } from '../../platform/aws-states.ts';
import { sleep } from '../../platform/clock.ts';
import type { StateMachine } from '../../platform/config/state-machines.ts';
import { postText } from '../../platform/http.ts';
import { ProcessError, run } from '../../platform/processes.ts';
import type { Report } from '../../resources/progress.ts';
import { StepError } from '../errors.ts';

/** Bytes of an output: the limit of Step Functions. */
const LONGEST_OUTPUT = 262_144;
/** Milliseconds until a web hook that did not take the request is asked again: first, and at most. */
const AGAIN_MS = { first: 1000, most: 60_000 };
/** Responses after which a web hook is asked again: too early, too many requests, and its own errors. */
const ASK_AGAIN = (status: number): boolean => status === 425 || status === 429 || status >= 500;

/** One execution. */
export interface Execution {
  readonly name: string;
  /** JSON. */
  readonly input: string;
  /** The step execution: the same for each try. */
  readonly key: string;
  readonly imageArn: string;
  readonly account: string;
  readonly region: string;
  readonly dataDirectory: string;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** What it left. */
export interface ExecutionResult {
  readonly executionArn: string;
  /** JSON. */
  readonly output: string;
}

/** Runs it to its end. @throws {StepError} if it fails; the signal's reason if it is aborted */
export async function executeStateMachine(machine: StateMachine, execution: Execution): Promise<ExecutionResult> {
  const { account, region, name, key, signal } = execution;
  const executionArn = `arn:aws:states:${region}:${account}:execution:${name}:${key}`;
  signal.throwIfAborted();
  switch (machine.kind) {
    case 'command':
      return { executionArn, output: await runCommand(machine.argv, execution) };
    case 'web-hook':
      return { executionArn, output: await askWebHook(machine, execution) };
    case 'aws':
      return runOnAws(machine, execution);
  }
}

async function runCommand(argv: readonly string[], execution: Execution): Promise<string> {
  const { input, name, key, imageArn, account, region, report, signal } = execution;
  report({ type: 'log', text: `state machine ${name}: running ${argv[0]} on this host` });
  try {
    const { stdout } = await run(argv, {
      input,
      // The user's own program, as receivers of events are.
      inherit: 'all',
      env: {
        INGOT_STATE_MACHINE: name,
        INGOT_STEP_EXECUTION_ID: key,
        INGOT_IMAGE_ARN: imageArn,
        INGOT_ACCOUNT: account,
        INGOT_REGION: region,
      },
      cwd: '/',
      maxOutput: LONGEST_OUTPUT,
      signal,
    });
    return jsonOf(stdout, 'the command printed');
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (!(error instanceof ProcessError)) throw error;
    throw new StepError(`state machine ${name}: ${error.message}`, { cause: error });
  }
}

async function askWebHook(
  { url, secret, owner }: Extract<StateMachine, { kind: 'web-hook' }>,
  execution: Execution,
): Promise<string> {
  const { input, name, key, imageArn, dataDirectory, report, signal } = execution;
  const filled = secret === undefined ? undefined : await settingText(secret, dataDirectory, owner);
  checkSecret(filled, (problem) => {
    throw new StepError(`state machine ${name}: the secret of its web hook ${problem}`);
  });
  report({ type: 'log', text: `state machine ${name}: asking its web hook` });
  for (let wait = AGAIN_MS.first; ; wait = Math.min(wait * 2, AGAIN_MS.most)) {
    const headers = {
      'content-type': 'application/json',
      'idempotency-key': key,
      'ingot-image-arn': imageArn,
      'ingot-state-machine': name,
      ...signedHeaders({ secret: filled }, { event: { id: key }, body: input }),
    };
    const problem = await postText(url, { headers, body: input, signal, limit: LONGEST_OUTPUT + 1 }).catch(
      (error: unknown) => {
        if (signal.aborted) throw signal.reason;
        return error as Error;
      },
    );
    if (!(problem instanceof Error)) {
      const { status, text } = problem;
      if (status >= 200 && status < 300) return jsonOf(text, `the web hook of state machine ${name} answered`);
      if (!ASK_AGAIN(status))
        throw new StepError(`state machine ${name}: its web hook answered ${status}: ${text.trim().slice(0, 300)}`);
      report({ type: 'log', level: 'warn', text: `its web hook answered ${status}; asking again` });
    } else
      report({ type: 'log', level: 'warn', text: `its web hook did not answer: ${problem.message}; asking again` });
    await sleep(wait, signal);
  }
}

async function runOnAws(
  { arn, endpoint, profile }: Extract<StateMachine, { kind: 'aws' }>,
  { input, name, key, report, signal }: Execution,
): Promise<ExecutionResult> {
  const region = arn.split(':')[3]!;
  const options = { ...(endpoint === undefined ? {} : { endpoint }), ...(profile === undefined ? {} : { profile }) };
  const { executionArn, status, output, error } = await runStateMachine(
    { region, signal, ...options },
    { arn, name: key, input },
    (started) => report({ type: 'log', text: `state machine ${name}: execution ${started}` }),
  ).catch((failure: unknown) => {
    if (signal.aborted) throw signal.reason;
    const { name: kind, message } = failure as Error;
    throw new StepError(`state machine ${name}: AWS answered ${kind}: ${message}`, { cause: failure });
  });
  if (status === 'SUCCEEDED') return { executionArn, output: output ?? '{}' };
  throw new StepError(`state machine ${name}: ${status}${error === undefined ? '' : `: ${error.slice(0, 1000)}`}`, {
    outputs: { executionArn },
  });
}

/** A text that is JSON; nothing is `{}`. */
function jsonOf(text: string, what: string): string {
  const trimmed = text.trim();
  if (trimmed === '') return '{}';
  if (Buffer.byteLength(trimmed) > LONGEST_OUTPUT)
    throw new StepError(`${what} more than ${LONGEST_OUTPUT} bytes: the output of a state machine has at most as many`);
  try {
    JSON.parse(trimmed);
    return trimmed;
  } catch {
    throw new StepError(`${what} something that is not JSON: ${trimmed.slice(0, 200)}`);
  }
}
