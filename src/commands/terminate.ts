/** `ingot terminate`. */
import { signedJson } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { instanceIdOf, type Arguments, type Command } from './command.ts';
import { waitUntilGone } from './instance-state.ts';

export const terminate: Command = {
  usage: 'terminate [OPTIONS] INSTANCE-ID...',
  about: 'Terminates launched instances and waits until they are gone. Their disks are deleted.',
  options: CLIENT_OPTIONS,
  examples: ['ingot terminate i-0123456789abcdef0'],
  positionals: ['INSTANCE-ID', 'INSTANCE-ID...'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const ids = args.positionals.map(instanceIdOf);
  const connection = await connect(args);
  for (const id of ids) await signedJson(connection, { method: 'DELETE', path: `/ingot/instances/${id}` });
  for (const id of ids) {
    await waitUntilGone(connection, id);
    process.stdout.write(`${id} terminated\n`);
  }
  return 0;
}
