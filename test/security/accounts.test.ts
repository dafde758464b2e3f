/**
 * Accounts across all operations: each operation of the model and each route of Ingot's own, asked by another account
 * with the first one's names. Nothing is answered, nothing is changed, and what is there is refused in the words in
 * which what is not there is refused.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { ImagebuilderClient } from '@aws-sdk/client-imagebuilder';
import { sql } from 'kysely';
import { ingotRoutes } from '../../src/api/ingot/register.ts';
import { OPERATIONS, type OperationName } from '../../src/api/model.ts';
import { API_DATA } from '../../src/api/validate.ts';
import { signedJson, signedRequest, signedSocket, type Connection } from '../../src/platform/api-client.ts';
import { CASES, commandOf, type Fixture } from '../api/cases.ts';
import { ACCOUNT, addUser, REGION, startApi, type TestApi } from '../api/server.ts';

const OTHER = '210987654321';
/** Stands in whatever the owner makes: descriptions, tags, documents. */
const MARKER = 'nobody-elses-business';
/** Ids that say nothing of whose they are. */
const ID = /\b(ami|import-ami|i|wf|step|lce)-([0-9a-f]{17}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b/g;
/** The names that the cases give. */
const NAME = /conformance-\d+/g;

let api: TestApi;
let fixture: Fixture;
interface Caller {
  readonly name: string;
  readonly client: ImagebuilderClient;
  readonly connection: Connection;
}
const callers: Caller[] = [];

before(async () => {
  api = await startApi();
  const send: Fixture['send'] = async (operation, input) =>
    (await api.client.send(commandOf(operation, marked(operation, input)))) as unknown as Record<string, string>;
  fixture = { region: REGION, account: ACCOUNT, catalog: api.catalog, send };
  callers.push({
    name: 'the root of another account',
    client: api.clientOf('other', REGION),
    connection: api.connectionOf('other'),
  });
  // A user whom his own account allows everything.
  const credentials = await addUser(api, `arn:aws:iam::${OTHER}:user/everything`, {
    Effect: 'Allow',
    Action: '*',
    Resource: '*',
  });
  callers.push({
    name: 'a user of another account whom everything is allowed there',
    client: api.clientWith(credentials),
    connection: { ...api.connectionOf('other'), credentials },
  });
});
after(() => api.close());

/** What the owner sends, with the marker in it; its policies open nothing to others. */
function marked(operation: OperationName, input: object): object {
  const given = input as Record<string, unknown>;
  return {
    ...given,
    description: MARKER,
    ...(typeof given['data'] === 'string' ? { data: given['data'].replace('"true"', `echo ${MARKER}`) } : {}),
    ...(given['tags'] === undefined || operation === 'UntagResource' ? {} : { tags: { team: MARKER } }),
    ...(given['policy'] === undefined ? {} : { policy: String(given['policy']).replace(OTHER, ACCOUNT) }),
  };
}

/** All rows of all tables, each as a text. */
async function rows(): Promise<ReadonlySet<string>> {
  const { rows: tables } = await sql<{ name: string }>`SELECT name FROM sqlite_schema WHERE type = 'table'`.execute(
    api.catalog.db,
  );
  const all: string[] = [];
  for (const { name } of tables) {
    const found = await sql<Record<string, unknown>>`SELECT * FROM ${sql.table(name)}`.execute(api.catalog.db);
    all.push(...found.rows.map((row) => `${name} ${JSON.stringify(row)}`));
  }
  return new Set(all);
}

/** The same request for what is not there. */
function absent<T>(request: T): T {
  const text = JSON.stringify(request)
    .replace(NAME, 'no-such-thing')
    .replace(ID, (_id, kind: string, rest: string) => `${kind}-${rest.replace(/[0-9a-f]/g, '0')}`);
  return JSON.parse(text, (_key, value: unknown) =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*Z$/.test(value) ? new Date(value) : value,
  ) as T;
}
/** A refusal without the names and ids that were asked for. */
const bare = (text: string): string =>
  text.replace(NAME, 'NAME').replaceAll('no-such-thing', 'NAME').replace(ID, 'ID').replaceAll('everything', 'USER');

type Outcome = { readonly answer: string } | { readonly refusal: string };
async function outcome(asked: Promise<string>): Promise<Outcome> {
  try {
    return { answer: await asked };
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string };
    return { refusal: `${code ?? name}: ${message}` };
  }
}

/**
 * Nothing of the owner's in the answer; a refusal of what is named, as of what is not there; no row of the owner's is
 * another than it was.
 */
async function assertNothing(
  ask: (request: object) => Promise<string>,
  request: object,
  what: string,
  named = names(request),
): Promise<void> {
  const earlier = await rows();
  const found = await outcome(ask(request));
  const later = await rows();
  const text = 'answer' in found ? found.answer : found.refusal;
  assert.doesNotMatch(text, new RegExp(MARKER), what);
  if (named) {
    assert.ok('refusal' in found, `${what}: answered ${text.slice(0, 300)}`);
    assert.match(
      found.refusal,
      /^(AccessDeniedException|ForbiddenException|ResourceNotFoundException|InvalidParameterValueException|InvalidRequestException|ClientException)\b/,
      what,
    );
    const missing = await outcome(ask(absent(request)));
    assert.equal(
      bare(found.refusal),
      'refusal' in missing ? bare(missing.refusal) : missing.answer,
      `${what}: what is there is refused in other words than what is not there`,
    );
  } else {
    assert.doesNotMatch(text, NAME_OF_OWNER, what);
  }
  assert.deepEqual([...earlier].filter((row) => !later.has(row)).filter(ofOwner), [], `${what}: changed or removed`);
  assert.deepEqual(
    [...later].filter((row) => !earlier.has(row)).filter((row) => row.includes(ACCOUNT) && !row.includes(OTHER)),
    [],
    `${what}: made in the owner's account`,
  );
}
const NAME_OF_OWNER = new RegExp(`:${ACCOUNT}:|"${ACCOUNT}"`);
/** Keys remember when they were last used; all else of a row is as it was made. */
const ofOwner = (row: string): boolean => !row.includes(OTHER);
/** Whether a request names something of the owner's. */
const names = (request: object): boolean =>
  JSON.stringify(request).includes(ACCOUNT) || JSON.stringify(request).search(ID) >= 0;

describe('operations of the API', () => {
  for (const { name } of OPERATIONS.values()) {
    test(name, async () => {
      for (const { name: who, client } of callers) {
        const given = await CASES[name].input(fixture);
        const owners = API_DATA.shapes[API_DATA.operations[name].input!]!.members?.['owner']?.shape;
        const variants = [
          given,
          ...(owners === undefined ? [] : API_DATA.shapes[owners]!.enum!.map((owner) => ({ ...given, owner }))),
          ...wild(given),
        ];
        for (const request of variants) {
          await assertNothing(
            async (asked) => JSON.stringify({ ...(await client.send(commandOf(name, asked))), $metadata: undefined }),
            request,
            `${name} by ${who} with ${JSON.stringify(request).slice(0, 200)}`,
          );
        }
      }
    });
  }
});

/** The same request with wildcards for versions. */
function wild(request: object): readonly object[] {
  const text = JSON.stringify(request).replaceAll(/\/1\.0\.0(?:\/1)?"/g, '/x.x.x"');
  return text === JSON.stringify(request)
    ? []
    : [{ ...(JSON.parse(text) as object), ...('updateAt' in request ? { updateAt: request.updateAt } : {}) }];
}

/** What the owner has, for routes. */
interface Owned {
  readonly arn: string;
  readonly ami: string;
  readonly instance: string;
  readonly user: string;
  readonly key: string;
  /** ARN of a key of disks. */
  readonly kmsKey: string;
  readonly stack: string;
  readonly parameter: string;
  /** SHA-256 of a file that is whole. */
  readonly file: string;
}
/** Content of the owner's file. */
const FILE = Buffer.from(MARKER);

async function owned(): Promise<Owned> {
  const { imageBuildVersionArn: arn } = (await CASES.GetImage.input(fixture)) as { imageBuildVersionArn: string };
  const { sourceImage: ami } = (await CASES.DistributeImage.input(fixture)) as { sourceImage: string };
  const post = <T>(path: string, body?: object): Promise<T> =>
    signedJson<T>(api.connectionOf('same'), { method: 'POST', path, ...(body === undefined ? {} : { body }) });
  const { instanceId: instance } = await post<{ instanceId: string }>('/ingot/instances', {
    image: ami,
    userData: MARKER,
    publish: [],
    sshKeys: [],
  });
  const user = `arn:aws:iam::${ACCOUNT}:user/conformance-${Math.floor(Math.random() * 1e9)}`;
  const principal = `/ingot/principals/${encodeURIComponent(user)}`;
  await post(principal, { tags: [{ key: 'team', value: MARKER }] });
  await post(`${principal}/policies/p`, {
    document: '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}',
  });
  const stack = `conformance-${Math.floor(Math.random() * 1e9)}`;
  await post(`/ingot/stacks/${stack}`, {
    status: 'CREATE_COMPLETE',
    description: MARKER,
    resources: [],
    outputs: [{ name: 'Team', value: MARKER, exportName: `${stack}-team` }],
    imports: [],
  });
  const parameter = `/conformance/${stack}`;
  await post(`/ingot/parameters/${encodeURIComponent(parameter)}`, { type: 'String', value: MARKER });
  const file = createHash('sha256').update(FILE).digest('hex');
  const sent = await signedRequest(api.connectionOf('same'), {
    method: 'POST',
    path: `/ingot/files/${file}`,
    query: { size: String(FILE.length) },
    body: FILE,
  });
  assert.match(Buffer.concat((await sent.toArray()) as Buffer[]).toString('utf8'), /"complete":true/);
  return {
    arn,
    file,
    parameter,
    ami,
    instance,
    user,
    stack,
    kmsKey: (await post<{ arn: string }>('/ingot/keys', {})).arn,
    key: (await post<{ accessKeyId: string }>(`${principal}/keys`)).accessKeyId,
  };
}

interface RouteCase {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
}
const POLICY = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}';

/** For each route what another account may ask with the owner's names; several where there are several ways. */
const ROUTES: Readonly<Record<string, (owned: Owned) => readonly RouteCase[]>> = {
  'ingot:DescribeServer': () => [{}],
  'ingot:StopServer': () => [{}],
  'ingot:LaunchInstance': ({ arn, ami }) =>
    [arn, ami, arn.replace('1.0.0/1', 'x.x.x')].map((image) => ({ body: { image, publish: [], sshKeys: [] } })),
  'ingot:ListInstances': () => [{}],
  'ingot:GetInstance': ({ instance: id }) => [{ params: { id } }],
  'ingot:TerminateInstance': ({ instance: id }) => [{ params: { id } }],
  'ingot:ExecuteCommand': ({ instance: id }) => [{ params: { id }, body: { argv: ['true'] } }],
  'ingot:OpenShell': ({ instance: id }) => [{ params: { id }, query: { rows: '24', columns: '80', term: 'dumb' } }],
  'ingot:GetFiles': ({ instance: id }) => [{ params: { id }, query: { path: '/etc/shadow' } }],
  'ingot:PutFiles': ({ instance: id }) => [{ params: { id }, query: { path: '/etc' } }],
  'ingot:GetConsole': ({ instance: id }) => [{ params: { id } }],
  'ingot:GetImageLog': ({ arn }) => [{ params: { arn } }],
  'ingot:ListImageAmis': ({ arn }) => [{ params: { arn } }],
  'ingot:RetryFromFailure': ({ arn }) => [{ params: { arn } }],
  'ingot:NameImport': () => [{ body: { source: '/etc/shadow' } }],
  'ingot:DescribeStorage': () => [{}],
  'ingot:CollectGarbage': () => [{ body: {} }],
  'ingot:VerifyAmi': ({ ami: id }) => [{ params: { id } }],
  'ingot:CheckStores': () => [{}],
  'ingot:PublishAmi': ({ ami: id }) => [{ params: { id }, body: { region: REGION } }],
  'ingot:DescribeCopy': ({ ami: id }) => [{ params: { id } }],
  'ingot:DeregisterAmi': ({ ami: id }) => [{ params: { id } }, { params: { id }, query: { region: REGION } }],
  'ingot:ListDependents': ({ arn }) => [{ params: { arn } }],
  'ingot:ListSchedules': () => [{}],
  'ingot:ListPackageUpdates': ({ arn }) => [{ params: { arn } }],
  'ingot:PreviewLifecyclePolicy': ({ arn }) => [{ params: { arn } }],
  'ingot:RunLifecyclePolicy': ({ arn }) => [{ params: { arn } }],
  'ingot:ListPipelineRuns': ({ arn }) => [{ params: { arn } }],
  'ingot:ListParameters': () => [{}],
  'ingot:PutParameter': ({ parameter: name }) => [{ params: { name }, body: { type: 'String', value: 'x' } }],
  'ingot:DeleteParameter': ({ parameter: name }) => [{ params: { name } }],
  'ingot:ListStacks': () => [{}],
  'ingot:ListExports': () => [{}],
  'ingot:GetStack': ({ stack: name }) => [{ params: { name } }],
  'ingot:PutStack': ({ stack: name }) => [
    { params: { name }, body: { status: 'CREATE_COMPLETE', resources: [], outputs: [], imports: [] } },
  ],
  'ingot:DeleteStack': ({ stack: name }) => [{ params: { name } }],
  'ingot:DryRun': () => [
    {
      body: {
        requests: [{ id: 'a', operation: 'CreateInfrastructureConfiguration', input: { name: 'conformance-1' } }],
      },
    },
  ],
  'ingot:ListKeys': () => [{}],
  'ingot:CreateKey': () => [{ body: {} }],
  'ingot:RotateKey': ({ kmsKey: arn }) => [{ params: { arn } }],
  'ingot:EnableKey': ({ kmsKey: arn }) => [{ params: { arn } }],
  'ingot:DisableKey': ({ kmsKey: arn }) => [{ params: { arn } }],
  'ingot:ScheduleKeyDeletion': ({ kmsKey: arn }) => [{ params: { arn }, body: {} }],
  'ingot:CancelKeyDeletion': ({ kmsKey: arn }) => [{ params: { arn } }],
  'ingot:PutKeyAlias': ({ kmsKey: arn }) => [{ params: { arn }, body: { alias: 'alias/taken' } }],
  'ingot:ListPrincipals': () => [{}, { query: { account: ACCOUNT } }],
  'ingot:CreatePrincipal': ({ user: arn }) => [{ params: { arn }, body: {} }],
  'ingot:GetPrincipal': ({ user: arn }) => [{ params: { arn } }],
  'ingot:UpdatePrincipal': ({ user: arn }) => [{ params: { arn }, body: { tags: [] } }],
  'ingot:DeletePrincipal': ({ user: arn }) => [{ params: { arn } }],
  'ingot:PutPrincipalPolicy': ({ user: arn }) => [{ params: { arn, name: 'p' }, body: { document: POLICY } }],
  'ingot:DeletePrincipalPolicy': ({ user: arn }) => [{ params: { arn, name: 'p' } }],
  'ingot:CreateAccessKey': ({ user: arn }) => [{ params: { arn } }],
  'ingot:UpdateAccessKey': ({ user: arn, key: id }) => [{ params: { arn, id }, body: { status: 'Inactive' } }],
  'ingot:DeleteAccessKey': ({ user: arn, key: id }) => [{ params: { arn, id } }],
  'ingot:LookupEvents': () => [{}, { query: { principal: ACCOUNT } }],
  'ingot:ListEvents': () => [{}, { query: { pattern: '{"source":[{"exists":true}]}' } }],
  'ingot:ListFailedDeliveries': () => [{}],
  'ingot:ReplayEvent': () => [{ params: { id: '00000000-0000-4000-8000-000000000000' }, body: {} }],
  'ingot:ListReceivers': () => [{}],
  'ingot:GetStatus': () => [{}],
  'ingot:TestReceiver': () => [{ params: { name: 'ops' } }],
  'ingot:ListFiles': () => [{}],
  'ingot:PutFile': ({ file: sha256 }) => [{ params: { sha256 }, query: { size: String(FILE.length) } }],
};
/**
 * Asked without a name of the owner's, they are refused all the same: they are about the server, which is of the first
 * account.
 */
const OF_THE_SERVER: readonly string[] = [
  'ingot:DescribeServer',
  'ingot:StopServer',
  'ingot:NameImport',
  'ingot:CollectGarbage',
  'ingot:CheckStores',
  'ingot:ListFailedDeliveries',
  'ingot:ReplayEvent',
  'ingot:ListReceivers',
  'ingot:TestReceiver',
  'ingot:GetStatus',
];

describe("routes of Ingot's own", () => {
  test('each is in the table', () =>
    assert.deepEqual(Object.keys(ROUTES).sort(), ingotRoutes.map(({ action }) => action).sort()));

  for (const route of ingotRoutes) {
    test(route.action, async () => {
      for (const { name: who, connection } of callers) {
        for (const request of ROUTES[route.action]?.(await owned()) ?? []) {
          const what = `${route.action} by ${who} with ${JSON.stringify(request)}`;
          const ask = (asked: object): Promise<string> => send(connection, route, asked as RouteCase);
          if (route.action === 'ingot:PutFile') await assertNotHere(ask, request, what);
          if (route.action === 'ingot:LookupEvents') await assertOwnEvents(await ask(request), what);
          // The account that is asked for is not looked at: another account's root is answered its own.
          else if (route.action === 'ingot:ListPrincipals') await assertNothing(ask, request, what, false);
          else await assertNothing(ask, request, what, OF_THE_SERVER.includes(route.action) || names(request));
        }
      }
    });
  }
});

/** Who knows the digest of another account's file does not have the file: all of it has to come. */
async function assertNotHere(ask: (request: object) => Promise<string>, request: object, what: string): Promise<void> {
  const { received, complete } = JSON.parse(await ask(request)) as { received: number; complete: boolean };
  assert.deepEqual({ received, complete }, { received: 0, complete: false }, what);
}

async function send(
  connection: Connection,
  { method, path, upgrade }: (typeof ingotRoutes)[number],
  { params = {}, query, body }: RouteCase,
): Promise<string> {
  const filled = path.replace(/:(\w+)/g, (_whole, name: string) => encodeURIComponent(params[name]!));
  if (upgrade) {
    const socket = await signedSocket(connection, { path: filled, ...(query === undefined ? {} : { query }) });
    socket.terminate();
    return 'a session was opened';
  }
  const answer = await signedRequest(connection, {
    method,
    path: filled,
    ...(query === undefined ? {} : { query }),
    ...(body === undefined ? {} : { body }),
  });
  return Buffer.concat((await answer.toArray()) as Buffer[]).toString('utf8');
}

/** The caller's own events name what the caller asked for; no other account's are among them. */
async function assertOwnEvents(text: string, what: string): Promise<void> {
  const events = text
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { recipientAccountId: string });
  assert.deepEqual(
    [...new Set(events.map(({ recipientAccountId }) => recipientAccountId))],
    events.length === 0 ? [] : [OTHER],
    what,
  );
  assert.doesNotMatch(text, new RegExp(MARKER), what);
}
