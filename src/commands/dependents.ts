/** `ingot dependents`. */
import type { Dependent } from '../catalog/dependent-tree.ts';
import { signedJson } from '../platform/api-client.ts';
import { CLIENT_HELP, CLIENT_OPTIONS, connect } from './client.ts';
import { WrongUse, type Arguments, type Command } from './command.ts';

export const dependents: Command = {
  usage: 'dependents ARN [--json] [--data DIR]',
  help: `
Shows what needs a resource, what needs that, and so on: what has to be deleted before it can be, from the innermost line outwards.
A component, workflow or image is named by its build version, a recipe by its version. For what comes with Ingot wildcards do too.

  --json           {"arn","dependents":[{"arn","dependents":[…]}]}
${CLIENT_HELP}

Example:
  ingot dependents arn:aws:imagebuilder:us-east-1:aws:component/update-linux/x.x.x`,
  options: { ...CLIENT_OPTIONS, json: { type: 'boolean' } },
  positionals: ['ARN'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [arn = ''] = args.positionals;
  if (!arn.startsWith('arn:'))
    throw new WrongUse(
      `'${arn}' is not an ARN, such as arn:aws:imagebuilder:us-east-1:123456789012:component/web/1.0.0/1`,
    );
  const tree = await signedJson<Dependent>(await connect(args), {
    method: 'GET',
    path: `/ingot/resources/${encodeURIComponent(arn)}/dependents`,
  });
  process.stdout.write(args.flag('json') ? `${JSON.stringify(tree)}\n` : shown(tree));
  return 0;
}

/** A tree for people: each line a resource, below it those that need it. */
export function shown(tree: Dependent): string {
  const lines = (node: Dependent, depth: number): string[] => [
    `${'  '.repeat(depth)}${node.arn}`,
    ...node.dependents.flatMap((each) => lines(each, depth + 1)),
  ];
  return `${lines(tree, 0).join('\n')}\n${tree.dependents.length === 0 ? 'nothing needs it\n' : ''}`;
}
