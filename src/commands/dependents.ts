/** `ingot dependents`. */
import type { Dependent } from '../catalog/dependent-tree.ts';
import { signedJson } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import type { Arguments, Command } from './command.ts';
import { NAMED_TYPES, resolveName } from './short-names.ts';

export const dependents: Command = {
  usage: 'dependents [OPTIONS] RESOURCE',
  about: `
Shows the tree of resources that depend on a resource. To delete the resource, delete its dependents first, innermost
first.

RESOURCE is an ARN or [TYPE/]NAME[/VERSION[/BUILD]], such as web, image-recipe/web or component/web/1.0.0/1. NAME
alone means the newest build of the highest version. ARNs of resources that come with Ingot can have wildcards.`,
  options: {
    json: { help: 'print {"arn","dependents":[{"arn","dependents":[...]}]}' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot dependents component/update-linux'],
  positionals: ['RESOURCE'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const arn = await resolveName(() => connect(args), args.positionals[0]!, {
    types: NAMED_TYPES,
    what: 'resource',
  });
  const tree = await signedJson<Dependent>(await connect(args), {
    method: 'GET',
    path: `/ingot/resources/${encodeURIComponent(arn)}/dependents`,
  });
  process.stdout.write(args.flag('json') ? `${JSON.stringify(tree)}\n` : shown(tree));
  return 0;
}

/** A tree for people: each line is a resource, below it those that depend on it. */
export function shown(tree: Dependent): string {
  const lines = (node: Dependent, depth: number): string[] => [
    `${'  '.repeat(depth)}${node.arn}`,
    ...node.dependents.flatMap((each) => lines(each, depth + 1)),
  ];
  return `${lines(tree, 0).join('\n')}\n${tree.dependents.length === 0 ? 'nothing needs it\n' : ''}`;
}
