/** `ingot stacks`. */
import type { Stack } from '../catalog/stacks.ts';
import { signedJson } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { CommandFailed, type Arguments, type Command } from './command.ts';
import { outputLines } from './deploy/output.ts';
import { findStack } from './deploy/stack.ts';
import { plainLine } from './text.ts';

export const stacks: Command = {
  usage: 'stacks [OPTIONS] [NAME]',
  about: `
Lists the stacks that \`ingot build\` made in a Region, or shows one with its resources and outputs.`,
  options: {
    json: { help: 'print {"stacks":[...]}, or the one stack' },
    ...CLIENT_OPTIONS,
  },
  exitCodes: { 0: 'shown', 1: 'there is no such stack', 2: 'usage error' },
  examples: ['ingot stacks', 'ingot stacks nginx'],
  positionals: ['NAME?'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const connection = await connect(args);
  const [name] = args.positionals;
  if (name !== undefined) {
    const stack = await findStack(connection, name);
    if (stack === undefined) throw new CommandFailed(`there is no stack '${name}' in ${connection.region}`);
    process.stdout.write(args.flag('json') ? `${JSON.stringify(stack)}\n` : oneStack(stack));
    return 0;
  }
  const list = await signedJson<{ stacks: readonly Stack[] }>(connection, { method: 'GET', path: '/ingot/stacks' });
  process.stdout.write(args.flag('json') ? `${JSON.stringify(list)}\n` : table(list.stacks));
  return 0;
}

function table(list: readonly Stack[]): string {
  if (list.length === 0) return 'no stacks\n';
  const width = Math.max(...list.map(({ name }) => name.length));
  const lines = list.map(
    ({ name, status, updated, resources }) =>
      `${name.padEnd(width)}  ${status.padEnd(18)}  ${updated}  ` +
      `${resources.length} resource${resources.length === 1 ? '' : 's'}`,
  );
  return `${lines.join('\n')}\n`;
}

function oneStack({ name, stackId, status, created, updated, description, resources, outputs }: Stack): string {
  const width = Math.max(0, ...resources.map(({ logicalId }) => logicalId.length));
  const lines = [
    `${name}  ${status}`,
    `  ${stackId}`,
    `  created ${created}, updated ${updated}`,
    ...(description === undefined ? [] : [`  ${plainLine(description)}`]),
    '',
    resources.length === 0 ? 'No resources' : 'Resources:',
    ...resources.map(
      ({ logicalId, physicalId, deletionPolicy }) =>
        `  ${logicalId.padEnd(width)}  ${physicalId}` +
        `${deletionPolicy?.startsWith('Retain') === true ? '  (retained when the stack is deleted)' : ''}`,
    ),
    ...(outputs.length === 0 ? [] : ['', 'Outputs:', ...outputLines(outputs)]),
  ];
  return `${lines.join('\n')}\n`;
}
