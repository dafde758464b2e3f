/** What steps name of the operator's configuration, looked for before anything runs. */
import { bindCommand, CommandParameterError } from '../../documents/command/bind.ts';
import type { WorkflowStep, WorkflowValue } from '../../documents/workflow/document.ts';
import type { Config } from '../../platform/config/config.ts';
import { registeredCommand } from '../commands/registered.ts';
import { StepError } from '../errors.ts';
import { namedStateMachine } from '../state-machines/named.ts';
import type { PlannedWorkflow, Refusal } from './image-plan.ts';

/** What the configuration says. */
type Configured = Pick<Config, 'commandDocuments' | 'stateMachines'>;

/**
 * A refusal for each step that would run in any case and names what is not there, or is not for this account. A name
 * that only a run knows (a reference) is looked for by the step itself.
 */
export async function namedBySteps(
  workflows: readonly PlannedWorkflow[],
  config: Configured,
  account: string,
): Promise<readonly Refusal[]> {
  const refusals: Refusal[] = [];
  for (const { arn, document } of workflows)
    for (const step of document.steps) {
      if (step.if !== undefined) continue;
      const problem = await problemOf(step, config, account);
      if (problem !== undefined)
        refusals.push({
          code: 'workflow',
          field: 'workflows',
          message: `workflow ${arn}: the step '${step.name}': ${problem}`,
        });
    }
  return refusals;
}

async function problemOf(step: WorkflowStep, config: Configured, account: string): Promise<string | undefined> {
  try {
    if (step.action === 'RunCommand') await checkCommand(step, config, account);
    if (step.action === 'ExecuteStateMachine') checkStateMachine(step, config, account);
    return undefined;
  } catch (error) {
    if (error instanceof StepError || error instanceof CommandParameterError) return error.message;
    throw error;
  }
}

async function checkCommand({ inputs }: WorkflowStep, config: Configured, account: string): Promise<void> {
  const { documentName, documentVersion, parameters = {} } = inputs;
  if (typeof documentName !== 'string' || isOpen(documentName) || isOpen(documentVersion)) return;
  const { document } = await registeredCommand(config.commandDocuments, account, documentName, documentVersion);
  // Values of Parameter Store are read when the step runs.
  if (Object.hasOwn(inputs, 'parameters.$') || isOpen(parameters) || JSON.stringify(document).includes('ssm:')) return;
  if (typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters))
    bindCommand(document, parameters as Readonly<Record<string, unknown>>);
}

function checkStateMachine({ inputs }: WorkflowStep, { stateMachines }: Configured, account: string): void {
  const name = inputs['stateMachineArn'];
  if (typeof name === 'string' && !isOpen(name)) namedStateMachine(stateMachines, account, name);
}

/** Whether a value has references, so that only a run knows it. */
function isOpen(value: WorkflowValue | undefined): boolean {
  const text = JSON.stringify(value ?? null);
  return /\$\.|\.\$"|ssm:/.test(text);
}
