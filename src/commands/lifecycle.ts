/** `ingot lifecycle preview`, `ingot lifecycle run`. */
import {
  GetLifecycleExecutionCommand,
  paginateListLifecycleExecutionResources,
  type LifecycleExecutionResource,
} from '@aws-sdk/client-imagebuilder';
import type { ToldPreview } from '../api/ingot/lifecycle.ts';
import { imagebuilderClient, signedJson, type Connection } from '../platform/api-client.ts';
import { sleep } from '../platform/clock.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import type { Arguments, Command } from './command.ts';
import { resolveName } from './short-names.ts';
import { plainLine, table } from './text.ts';

/** Interval between checks of a run, in milliseconds. */
const LOOK_MS = 300;

export const lifecyclePreview: Command = {
  usage: 'lifecycle preview [OPTIONS] POLICY',
  about: `
Shows what a lifecycle policy would do now with each image that it selects, and why. Nothing is changed. POLICY is a
name or an ARN.`,
  options: {
    json: { help: 'print one JSON object: {"policy","next","decisions":[{"arn","action","why"}]}' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot lifecycle preview monthly'],
  positionals: ['POLICY'],
  run: preview,
};

export const lifecycleRun: Command = {
  usage: 'lifecycle run [OPTIONS] POLICY',
  about: `
Runs a lifecycle policy now and shows what became of each image. POLICY is a name or an ARN. A policy that is DISABLED
runs too.

Ctrl-C leaves it running; \`aws imagebuilder cancel-lifecycle-execution\` cancels it.`,
  options: {
    json: { help: 'print one JSON object per line: the LifecycleExecutionResource of the API' },
    ...CLIENT_OPTIONS,
  },
  exitCodes: { 0: 'done', 1: 'failed or canceled', 2: 'usage error' },
  examples: ['ingot lifecycle run monthly'],
  positionals: ['POLICY'],
  run: runNow,
};

async function policyOf(args: Arguments): Promise<{ readonly connection: Connection; readonly path: string }> {
  const connection = await connect(args);
  const arn = await resolveName(async () => connection, args.positionals[0]!, {
    types: ['lifecycle-policy'],
    what: 'lifecycle policy',
  });
  return { connection, path: `/ingot/lifecycle-policies/${encodeURIComponent(arn)}` };
}

async function preview(args: Arguments): Promise<number> {
  const { connection, path } = await policyOf(args);
  const told = await signedJson<ToldPreview>(connection, { method: 'GET', path: `${path}/preview` });
  process.stdout.write(args.flag('json') ? `${JSON.stringify(told)}\n` : previewText(told));
  return 0;
}

/** A preview for people. */
export function previewText({ decisions, next }: ToldPreview): string {
  const when = next === undefined ? 'it is DISABLED and does not run by itself' : `it runs by itself at ${next}`;
  if (decisions.length === 0) return `the policy selects no images; ${when}\n`;
  const rows = decisions.map(({ arn, action, why }) => [imageName(arn), action, plainLine(why)]);
  const changed = decisions.filter(({ action }) => action !== 'KEEP').length;
  const sum = `${changed} of ${decisions.length} images would change; ${when}\n`;
  return `${table([['IMAGE', 'ACTION', 'WHY'], ...rows])}${sum}`;
}

async function runNow(args: Arguments): Promise<number> {
  const { connection, path } = await policyOf(args);
  const { lifecycleExecutionId } = await signedJson<{ lifecycleExecutionId: string }>(connection, {
    method: 'POST',
    path: `${path}/run`,
  });
  const client = imagebuilderClient(connection);
  let state;
  do {
    await sleep(LOOK_MS);
    const answer = await client.send(new GetLifecycleExecutionCommand({ lifecycleExecutionId }));
    state = answer.lifecycleExecution?.state;
  } while (state?.status === 'PENDING' || state?.status === 'IN_PROGRESS' || state?.status === 'CANCELLING');
  const resources: LifecycleExecutionResource[] = [];
  for await (const page of paginateListLifecycleExecutionResources({ client }, { lifecycleExecutionId }))
    resources.push(...(page.resources ?? []));
  if (args.flag('json')) for (const each of resources) process.stdout.write(`${JSON.stringify(each)}\n`);
  else process.stdout.write(runText(lifecycleExecutionId, resources));
  if (state?.status === 'SUCCESS') return 0;
  process.stderr.write(`${lifecycleExecutionId} is ${state?.status}: ${plainLine(state?.reason ?? '')}\n`);
  return 1;
}

/** The results of a run, for people. */
export function runText(id: string, resources: readonly LifecycleExecutionResource[]): string {
  if (resources.length === 0) return `${id}: nothing to do\n`;
  const rows = resources.map(({ resourceId = '', action, state }) => [
    imageName(resourceId),
    action?.name ?? '',
    state?.status ?? '',
    plainLine(state?.reason ?? ''),
  ]);
  return `${table([['IMAGE', 'ACTION', 'RESULT', 'REASON'], ...rows])}${id}\n`;
}

function imageName(arn: string): string {
  return arn.replace(/^.*:image\//, '');
}
