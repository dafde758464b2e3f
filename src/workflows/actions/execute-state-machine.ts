/**
 * `ExecuteStateMachine`: runs what the operator registered under a name. Source: reference, `workflows.md` section 4.
 */
import { StepError } from '../errors.ts';
import { namedStateMachine } from '../state-machines/named.ts';
import { executeStateMachine as execute } from '../state-machines/run.ts';
import type { StepAction, StepNeeds } from './action.ts';

/** Bytes of `input`. */
const LONGEST_INPUT = 16 * 1024;

export const executeStateMachine: StepAction = {
  name: 'ExecuteStateMachine',
  async run({
    plan: { arn, account, region, stateMachines },
    services: { dataDirectory },
    inputs,
    execution,
    report,
    signal,
  }: StepNeeds<'arn' | 'account' | 'region' | 'stateMachines', never, 'dataDirectory'>) {
    const { name, machine } = namedStateMachine(stateMachines ?? {}, account, String(inputs['stateMachineArn']));
    const { executionArn, output } = await execute(machine, {
      name,
      input: inputText(inputs['input'] ?? '{}'),
      key: execution.stepId,
      imageArn: arn,
      account,
      region,
      dataDirectory,
      report,
      signal,
    });
    return { executionArn, output };
  },
};

function inputText(given: unknown): string {
  const text = typeof given === 'string' ? given : JSON.stringify(given);
  if (Buffer.byteLength(text) > LONGEST_INPUT)
    throw new StepError(`input: it has ${Buffer.byteLength(text)} bytes; at most ${LONGEST_INPUT} are allowed`);
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    throw new StepError(`input: it is not JSON: ${(error as Error).message}`, { cause: error });
  }
}
