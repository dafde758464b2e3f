/** `ingot principals`. */
import { isPrincipalName, parsePrincipalArn } from '../resources/principal-arns.ts';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { signedJson, type Connection } from '../platform/api-client.ts';
import { readUtf8 } from '../platform/utf8.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { CommandFailed, WrongUse, type Arguments, type Command } from './command.ts';
import { table } from './text.ts';
import { INGOT } from '../platform/own-program.ts';

export const principals: Command = {
  usage: 'principals [SUBCOMMAND] [NAME] [OPTIONS]',
  about: `
Manages users and roles: who may sign requests, and what they may do. NAME is user/NAME, role/NAME or an ARN.`,
  verbs: {
    list: 'list all principals (the default)',
    'add NAME':
      'create a user and print its access key (the secret is shown only once), or create a role, which needs --trust',
    'show NAME': 'print a principal and its policies as JSON',
    'policy NAME': 'set the policies given with --policy, delete those given with --remove',
    'trust NAME': "replace a role's trust policy (--trust) or session limit (--max-session)",
    'rotate NAME': 'create an access key and disable the current one; delete a key that was already disabled',
    'key NAME': 'disable, enable or delete an access key (--disable, --enable, --remove)',
    'remove NAME': "delete a principal with its policies and keys; a role's sessions end",
  },
  options: {
    policy: {
      value: '[NAME=]FILE',
      multiple: true,
      help: 'policy document, or AdministratorAccess, AWSImageBuilderFullAccess or AWSImageBuilderReadOnlyAccess',
    },
    trust: { value: 'FILE', help: 'trust policy of a role, as in IAM' },
    'max-session': { value: 'SECONDS', help: 'longest session of a role, from 3600 to 43200' },
    tag: { value: 'KEY=VALUE', multiple: true, help: 'tag, for aws:PrincipalTag conditions' },
    account: { value: 'ID', help: 'account ID', default: 'the account of the first key pair' },
    'no-key': { help: 'create the user without an access key' },
    disable: { value: 'ID', help: 'access key to disable' },
    enable: { value: 'ID', help: 'access key to enable' },
    remove: { value: 'NAME', multiple: true, help: 'policy or access key to delete' },
    json: { help: 'list as JSON' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot principals add user/ci --policy AWSImageBuilderFullAccess'],
  positionals: ['SUBCOMMAND?', 'NAME?'],
  run,
};

/** Policies that come with Ingot, by their names on AWS. */
const MANAGED_POLICIES = ['AdministratorAccess', 'AWSImageBuilderFullAccess', 'AWSImageBuilderReadOnlyAccess'];

interface Principal {
  readonly arn: string;
  readonly type: 'user' | 'role';
  readonly policies: readonly { readonly name: string }[];
  readonly keys?: readonly Key[];
}
interface Key {
  readonly accessKeyId: string;
  readonly status: 'Active' | 'Inactive';
  readonly dateCreated: string;
}
interface NewKey extends Key {
  readonly secretAccessKey: string;
}

/** The requests that the command sends. */
interface Requests {
  send<T>(method: string, path: string, body?: object): Promise<T>;
}

const VERBS: Readonly<Record<string, (requests: Requests, arn: string, args: Arguments) => Promise<void>>> = {
  add,
  show,
  policy,
  trust,
  rotate,
  key,
  remove,
};

async function run(args: Arguments): Promise<number> {
  const [word = 'list', name] = args.positionals;
  if (word !== 'list' && !Object.hasOwn(VERBS, word))
    throw new WrongUse(`unknown subcommand '${word}': expected list, ${Object.keys(VERBS).join(', ')}`);
  if (word !== 'list' && name === undefined)
    throw new WrongUse(`principals ${word} needs the name of a principal, such as user/ci`);
  const connection = await connect(args);
  const requests: Requests = {
    send: (method, path, body) => signedJson(connection, { method, path: `/ingot/principals${path}`, body }),
  };
  if (word === 'list') await list(requests, args);
  else await VERBS[word]!(requests, arnOf(name!, args, connection), args);
  return 0;
}

const at = (arn: string, ...more: readonly string[]): string =>
  [arn, ...more].map((part) => `/${encodeURIComponent(part)}`).join('');

async function list({ send }: Requests, args: Arguments): Promise<void> {
  const { principals: all } = await send<{ principals: readonly Principal[] }>('GET', '');
  if (args.flag('json')) process.stdout.write(`${JSON.stringify(all, undefined, 2)}\n`);
  else if (all.length === 0)
    process.stdout.write(
      'no principals except the first key pair, which may do everything; ' +
        `to add one: ${INGOT} principals add user/NAME\n`,
    );
  else {
    const keys = ({ keys: held = [] }: Principal): string =>
      held.map(({ accessKeyId, status }) => (status === 'Active' ? accessKeyId : `${accessKeyId} (off)`)).join(' ') ||
      '-';
    process.stdout.write(
      table([
        ['PRINCIPAL', 'POLICIES', 'ACCESS KEYS'],
        ...all.map((each) => [each.arn, each.policies.map(({ name }) => name).join(',') || '-', keys(each)]),
      ]),
    );
  }
}

async function add({ send }: Requests, arn: string, args: Arguments): Promise<void> {
  // All files are read before anything is created.
  const policies = readPolicies(args);
  const isRole = arn.includes(':role/');
  if (isRole && args.text('trust') === undefined)
    throw new WrongUse('a role needs --trust FILE: the policy that defines who may assume it');
  await send('POST', at(arn), settings(args));
  for (const { name, document } of policies) await send('POST', at(arn, 'policies', name), { document });
  process.stdout.write(`${arn}\n`);
  if (policies.length === 0)
    process.stderr.write(
      `ingot: it has no policy yet, so it may do nothing: ${INGOT} principals policy ${arn} --policy FILE\n`,
    );
  if (!isRole && !args.flag('no-key')) printKey(await send<NewKey>('POST', at(arn, 'keys')));
}

async function show({ send }: Requests, arn: string): Promise<void> {
  process.stdout.write(`${JSON.stringify(await send('GET', at(arn)), undefined, 2)}\n`);
}

async function policy({ send }: Requests, arn: string, args: Arguments): Promise<void> {
  const policies = readPolicies(args);
  const removed = args.list('remove');
  if (policies.length + removed.length === 0)
    throw new WrongUse('principals policy needs --policy [NAME=]FILE or --remove NAME');
  for (const { name, document } of policies) await send('POST', at(arn, 'policies', name), { document });
  for (const name of removed) await send('DELETE', at(arn, 'policies', name));
}

async function trust({ send }: Requests, arn: string, args: Arguments): Promise<void> {
  if (args.text('trust') === undefined && args.text('max-session') === undefined)
    throw new WrongUse('principals trust needs --trust FILE or --max-session SECONDS');
  await send('POST', at(arn, 'settings'), settings(args));
}

/** The new key works before the old one stops. A user may have two, so an inactive one is deleted first. */
async function rotate({ send }: Requests, arn: string): Promise<void> {
  const { keys: held = [] } = await send<Principal>('GET', at(arn));
  const off = held.filter(({ status }) => status === 'Inactive');
  if (held.length >= 2 && off.length === 0)
    throw new CommandFailed(
      `${arn} has two active access keys: disable one first (${INGOT} principals key ${arn} --disable ID)`,
    );
  if (held.length >= 2) await send('DELETE', at(arn, 'keys', off[0]!.accessKeyId));
  printKey(await send<NewKey>('POST', at(arn, 'keys')));
  for (const { accessKeyId, status } of held) {
    if (status !== 'Active') continue;
    await send('POST', at(arn, 'keys', accessKeyId), { status: 'Inactive' });
    process.stderr.write(
      `ingot: ${accessKeyId} is now inactive; ` +
        `to undo this: ${INGOT} principals key ${arn} --enable ${accessKeyId}\n`,
    );
  }
}

async function key({ send }: Requests, arn: string, args: Arguments): Promise<void> {
  const [enable, disable, removed] = [args.text('enable'), args.text('disable'), args.list('remove')];
  if (enable === undefined && disable === undefined && removed.length === 0)
    throw new WrongUse('principals key needs --enable ID, --disable ID or --remove ID');
  if (enable !== undefined) await send('POST', at(arn, 'keys', enable), { status: 'Active' });
  if (disable !== undefined) await send('POST', at(arn, 'keys', disable), { status: 'Inactive' });
  for (const id of removed) await send('DELETE', at(arn, 'keys', id));
}

async function remove({ send }: Requests, arn: string): Promise<void> {
  await send('DELETE', at(arn));
}

function arnOf(name: string, args: Arguments, { credentials }: Connection): string {
  if (parsePrincipalArn(name) !== undefined) return name;
  if (!isPrincipalName(name))
    throw new WrongUse(`invalid principal '${name}': expected user/NAME, role/NAME or an ARN`);
  const account = args.text('account') ?? (credentials as { readonly account?: string }).account;
  if (account === undefined || !/^\d{12}$/.test(account))
    throw new WrongUse('invalid value for --account: expected 12 digits');
  return `arn:aws:iam::${account}:${name}`;
}

function settings(args: Arguments): object {
  const maxSessionSeconds = args.integer('max-session', 3600, 43_200);
  const tags = args.list('tag').map((tag) => {
    const equals = tag.indexOf('=');
    if (equals < 1) throw new WrongUse(`invalid value '${tag}' for --tag: expected KEY=VALUE`);
    return { key: tag.slice(0, equals), ...(equals + 1 === tag.length ? {} : { value: tag.slice(equals + 1) }) };
  });
  const trustFile = args.text('trust');
  return {
    ...(trustFile === undefined ? {} : { trustPolicy: read(trustFile) }),
    maxSessionSeconds,
    ...(tags.length === 0 ? {} : { tags }),
  };
}

function readPolicies(args: Arguments): readonly { readonly name: string; readonly document: string }[] {
  return args.list('policy').map((given) => {
    if (MANAGED_POLICIES.includes(given))
      return {
        name: given,
        document: readFileSync(fileURLToPath(new URL(`../../data/policies/${given}.json`, import.meta.url)), 'utf8'),
      };
    const [, named, file] = /^(?:([\w+=,.@-]{1,128}?)=)?(.+)$/s.exec(given) ?? [];
    if (file === undefined) throw new WrongUse(`invalid value '${given}' for --policy: expected [NAME=]FILE`);
    return {
      name:
        named ??
        file
          .split('/')
          .at(-1)!
          .replace(/\.json$/, '')
          .replace(/[^\w+=,.@-]/g, '-'),
      document: read(file),
    };
  });
}

function read(file: string): string {
  try {
    return readUtf8(readFileSync(file));
  } catch (error) {
    throw new CommandFailed(`cannot read ${file}: ${(error as Error).message}`);
  }
}

/** As environment variables of the AWS CLI, to be pasted or evaluated. */
function printKey({ accessKeyId, secretAccessKey }: NewKey): void {
  process.stdout.write(`AWS_ACCESS_KEY_ID=${accessKeyId}\nAWS_SECRET_ACCESS_KEY=${secretAccessKey}\n`);
  process.stderr.write('ingot: the secret is not shown again\n');
}
