/** `ingot waiting`, `ingot approve`, `ingot reject`: steps of workflows that wait for an answer. */
import {
  paginateListWaitingWorkflowSteps,
  SendWorkflowStepActionCommand,
  type ImagebuilderClient,
  type WorkflowStepExecution,
} from '@aws-sdk/client-imagebuilder';
import { imagebuilderClient } from '../platform/api-client.ts';
import { INGOT } from '../platform/own-program.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { CommandFailed, type Arguments, type Command } from './command.ts';
import { table } from './text.ts';

export const waiting: Command = {
  usage: 'waiting [OPTIONS]',
  about: `
Lists the steps of workflows that wait for an answer (WaitForAction), the longest wait first. A waiting image takes no
place from other builds.`,
  options: {
    json: { help: 'print one JSON object per line: the WorkflowStepExecution of the API' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot waiting'],
  positionals: [],
  run: list,
};

/** A command that answers a step. */
function answering(name: 'approve' | 'reject', what: string): Command {
  return {
    usage: `${name} [OPTIONS] IMAGE-OR-STEP`,
    about: `
${what} IMAGE-OR-STEP is the id of a step (step-…), the ARN of an image that waits, or the end of one, such as web or
web/1.0.0/2.`,
    options: {
      reason: { value: 'TEXT', help: 'why; it is recorded as an output of the step' },
      ...CLIENT_OPTIONS,
    },
    exitCodes: { 0: 'answered', 1: 'nothing waits under this name, or several steps do', 2: 'usage error' },
    examples: [`ingot ${name} web/1.0.0/2 --reason '${name === 'approve' ? 'checked by hand' : 'not this week'}'`],
    positionals: ['IMAGE-OR-STEP'],
    run: (args) => answer(args, name === 'approve' ? 'RESUME' : 'STOP'),
  };
}

export const approve = answering('approve', 'Lets an image that waits for an answer go on: RESUME.');
export const reject = answering('reject', 'Stops the step that an image waits in, which then counts as failed: STOP.');

async function waitingSteps(client: ImagebuilderClient): Promise<readonly WorkflowStepExecution[]> {
  const steps: WorkflowStepExecution[] = [];
  for await (const page of paginateListWaitingWorkflowSteps({ client }, {})) steps.push(...(page.steps ?? []));
  return steps;
}

async function list(args: Arguments): Promise<number> {
  const steps = await waitingSteps(imagebuilderClient(await connect(args)));
  process.stdout.write(args.flag('json') ? steps.map((step) => `${JSON.stringify(step)}\n`).join('') : listed(steps));
  return 0;
}

/** Waiting steps for people. */
export function listed(steps: readonly WorkflowStepExecution[]): string {
  if (steps.length === 0) return 'nothing waits for an answer\n';
  const rows = steps.map(({ imageBuildVersionArn, name, startTime, stepExecutionId }) => [
    imageName(imageBuildVersionArn),
    name ?? '',
    startTime ?? '',
    stepExecutionId ?? '',
  ]);
  return `${table([['IMAGE', 'STEP', 'SINCE', 'ID'], ...rows])}answer: ${INGOT} approve IMAGE, ${INGOT} reject IMAGE\n`;
}

function imageName(arn = ''): string {
  return arn.slice(arn.indexOf(':image/') + ':image/'.length);
}

/**
 * The step that a name means.
 * @param name id of a step, ARN of an image, or the beginning of an image's name, up to a slash
 * @throws {CommandFailed} if it matches none or several
 */
export function stepNamed(steps: readonly WorkflowStepExecution[], name: string): WorkflowStepExecution {
  const found = steps.filter(
    ({ stepExecutionId, imageBuildVersionArn: arn }) =>
      stepExecutionId === name || arn === name || `${imageName(arn)}/`.startsWith(`${name}/`),
  );
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw new CommandFailed(`nothing waits under the name '${name}'. ${listed(steps).trim()}`);
  throw new CommandFailed(`'${name}' means ${found.length} steps; name one by its id:\n${listed(found).trim()}`);
}

async function answer(args: Arguments, action: 'RESUME' | 'STOP'): Promise<number> {
  const client = imagebuilderClient(await connect(args));
  const step = stepNamed(await waitingSteps(client), args.positionals[0]!);
  const { stepExecutionId, imageBuildVersionArn } = step;
  const reason = args.text('reason');
  await client.send(
    new SendWorkflowStepActionCommand({ stepExecutionId, imageBuildVersionArn, action, ...(reason ? { reason } : {}) }),
  );
  const what = action === 'RESUME' ? 'goes on' : 'is stopped';
  process.stdout.write(`${imageName(imageBuildVersionArn)}: the step ${step.name} ${what}\n`);
  return 0;
}
