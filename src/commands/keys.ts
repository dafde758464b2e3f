/** `ingot keys`. */
import type { ToldKey } from '../api/ingot/keys.ts';
import { signedJson } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { CommandFailed, WrongUse, type Arguments, type Command } from './command.ts';
import { table } from './text.ts';

export const keys: Command = {
  usage: 'keys [SUBCOMMAND] [KEY] [OPTIONS]',
  about: `
Manages the keys that encrypt disks: the kmsKeyId of image recipes and distribution configurations. KEY is the ID of a
key, its ARN or alias/NAME.`,
  verbs: {
    list: 'list all keys with the AMIs that they open (the default)',
    create: 'create a key in the Region and print its ARN',
    'alias KEY': 'give the alias of --alias to a key, taking it from the key that has it',
    'rotate KEY': 'give a key new material and seal its data keys again; no disk is rewritten',
    'disable KEY': 'let nobody build, copy or launch with a key; running instances go on',
    'enable KEY': 'let a disabled key be used again',
    'schedule-deletion KEY': 'delete a key after --days; the disks that only it opens are then lost',
    'cancel-deletion KEY': 'keep a key that is pending deletion, disabled',
  },
  options: {
    alias: { value: 'alias/NAME', help: 'alias, for create and alias' },
    description: { value: 'TEXT', help: 'description, for create' },
    days: { value: 'DAYS', help: 'days until the deletion, from 7 to 30', default: '30' },
    json: { help: 'print the key, or the list, as JSON' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot keys create --alias alias/golden-images', 'ingot keys rotate alias/golden-images'],
  positionals: ['SUBCOMMAND?', 'KEY?'],
  run,
};

const CHANGES: readonly string[] = ['rotate', 'disable', 'enable', 'schedule-deletion', 'cancel-deletion', 'alias'];

async function run(args: Arguments): Promise<number> {
  const [word = 'list', reference] = args.positionals;
  const isChange = CHANGES.includes(word);
  if (!isChange && word !== 'list' && word !== 'create')
    throw new WrongUse(`unknown subcommand '${word}': expected list, create, ${CHANGES.join(', ')}`);
  if (isChange && reference === undefined)
    throw new WrongUse(`keys ${word} needs a key: its ID, its ARN or alias/NAME`);
  const days = args.integer('days', 7, 30);
  const alias = args.text('alias');
  if (word === 'alias' && alias === undefined) throw new WrongUse('keys alias needs --alias alias/NAME');
  const connection = await connect(args);
  const send = <T>(method: string, path: string, body?: object): Promise<T> =>
    signedJson<T>(connection, { method, path: `/ingot/keys${path}`, body });
  if (word === 'create') {
    const made = await send<ToldKey>('POST', '', { alias, description: args.text('description') });
    process.stdout.write(args.flag('json') ? `${JSON.stringify(made)}\n` : `${made.arn}\n`);
    return 0;
  }
  const { keys: all } = await send<{ readonly keys: readonly ToldKey[] }>('GET', '');
  if (word === 'list') {
    process.stdout.write(args.flag('json') ? `${JSON.stringify(all)}\n` : listText(all));
    return 0;
  }
  const { arn } = find(all, reference!, connection.region);
  const path = `/${encodeURIComponent(arn)}/${word}`;
  if (word === 'rotate') {
    const { resealed } = await send<{ readonly resealed: number }>('POST', path);
    process.stderr.write(`ingot: sealed ${resealed} data keys again\n`);
    return 0;
  }
  const body = word === 'alias' ? { alias } : word === 'schedule-deletion' ? { days } : undefined;
  const key = await send<ToldKey>('POST', path, body);
  process.stdout.write(args.flag('json') ? `${JSON.stringify(key)}\n` : `${key.arn} ${stateOf(key)}\n`);
  if (word === 'schedule-deletion' && key.amis.length > 0)
    process.stderr.write(`ingot: it opens ${key.amis.join(', ')}: they are lost with it\n`);
  return 0;
}

function find(all: readonly ToldKey[], reference: string, region: string): ToldKey {
  const found = all.find(
    ({ arn, aliases }) =>
      arn === reference ||
      (arn.split(':')[3] === region && (arn.endsWith(`/${reference}`) || aliases.includes(reference))),
  );
  if (found === undefined) throw new CommandFailed(`the key '${reference}' does not exist in ${region}`);
  return found;
}

function listText(all: readonly ToldKey[]): string {
  if (all.length === 0) return 'no keys; the first encrypted image creates alias/aws/ebs\n';
  return table([
    ['KEY', 'ALIAS', 'STATE', 'VERSION', 'AMIS'],
    ...all.map((key) => [
      key.arn,
      key.aliases.join(',') || '-',
      stateOf(key),
      String(key.version),
      String(key.amis.length),
    ]),
  ]);
}

function stateOf({ state, deletionDate }: ToldKey): string {
  return deletionDate === undefined ? state : `${state} (${deletionDate.slice(0, 10)})`;
}
