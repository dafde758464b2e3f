/** `ingot dependents`. */
import type { Dependent } from '../catalog/dependent-tree.ts';
import { signedJson } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { WrongUse, type Arguments, type Command } from './command.ts';

export const dependents: Command = {
  usage: 'dependents [OPTIONS] ARN',
  about: `
Shows the tree of resources that depend on a resource. To delete the resource, delete its dependents first, innermost first.

Name a component, workflow or image by its build version, and a recipe by its version. Resources that come with Ingot can also
be named with wildcards.`,
  options: {
    json: { help: 'print {"arn","dependents":[{"arn","dependents":[...]}]}' },
    ...CLIENT_OPTIONS,
  },
  examples: ['arn=arn:aws:imagebuilder:us-east-1:aws:component/update-linux/x.x.x', 'ingot dependents $arn'],
  positionals: ['ARN'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [arn = ''] = args.positionals;
  if (!arn.startsWith('arn:'))
    throw new WrongUse(
      `invalid ARN '${arn}': expected an ARN such as arn:aws:imagebuilder:us-east-1:123456789012:component/web/1.0.0/1`,
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
