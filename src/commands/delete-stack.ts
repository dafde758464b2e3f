/** `ingot delete-stack`. */
import { signedJson } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { CommandFailed, type Arguments, type Command } from './command.ts';
import { findStack, StackRecord } from './deploy/stack.ts';
import { exportsOf } from './deploy/template-file.ts';

export const deleteStack: Command = {
  usage: 'delete-stack [OPTIONS] NAME',
  about: `
Deletes a stack: its resources, each before what it needs, then its record. Resources with DeletionPolicy: Retain
stay. AMIs stay, too, unless their image has DeletionSettings; \`ingot deregister\` frees their space.

A stack whose exports other stacks import is not deleted. Resources that something else needs stay, and so does the
record of the stack: delete what needs them and run the command again.`,
  options: {
    json: { help: 'print what was deleted, and what was kept and why' },
    ...CLIENT_OPTIONS,
  },
  exitCodes: { 0: 'deleted', 1: 'failed, or something is still in use', 2: 'usage error' },
  examples: ['ingot delete-stack nginx'],
  positionals: ['NAME'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const name = args.positionals[0]!;
  const connection = await connect(args);
  const stack = await findStack(connection, name);
  if (stack === undefined) throw new CommandFailed(`there is no stack '${name}' in ${connection.region}`);
  for (const { name: exported, stack: owner, importedBy } of await exportsOf(connection))
    if (owner === name && importedBy.length > 0)
      throw new CommandFailed(
        `Export ${exported} cannot be deleted as it is in use by ${importedBy.join(', ')}. Delete what imports it ` +
          'first.',
      );
  const record = new StackRecord(name, stack, () => connect(args), stack.description, 'DELETE');
  const deletions = await record.cleanUp(new Set());
  const inUse = record.size > 0;
  if (inUse) await record.failed();
  else await signedJson(await connect(args), { method: 'DELETE', path: `/ingot/stacks/${encodeURIComponent(name)}` });
  const kept = deletions.flatMap(({ logicalId, arn, kept: reason }) =>
    reason === undefined ? [] : [{ logicalId, arn, reason }],
  );
  const deleted = deletions.flatMap(({ arn, kept: reason }) => (reason === undefined ? [arn] : []));
  if (args.flag('json')) process.stdout.write(`${JSON.stringify({ stack: name, deleted, kept })}\n`);
  else {
    for (const { logicalId, arn, kept: reason } of deletions)
      process.stdout.write(
        reason === undefined ? `deleted ${logicalId}: ${arn}\n` : `kept    ${logicalId}: ${arn}: ${reason}\n`,
      );
    process.stdout.write(
      inUse ? `stack ${name} is not deleted: other resources depend on what is left\n` : `stack ${name} is deleted\n`,
    );
  }
  return inUse ? 1 : 0;
}
