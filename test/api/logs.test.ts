/** CloudWatch Logs on the endpoint: the logs of images and pipelines, by the SDK's client. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  DeleteLogGroupCommand,
  DeleteLogStreamCommand,
  DeleteRetentionPolicyCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  ListTagsForResourceCommand,
  paginateFilterLogEvents,
  PutRetentionPolicyCommand,
  StartLiveTailCommand,
  TagResourceCommand,
  type FilterLogEventsCommandInput,
  type GetLogEventsCommandInput,
  type StartLiveTailCommandInput,
  type StartLiveTailResponseStream,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateImageCommand,
  CreateImagePipelineCommand,
  StartImagePipelineExecutionCommand,
  type CreateImageCommandInput,
} from '@aws-sdk/client-imagebuilder';
import { openImageLog } from '../../src/catalog/image-log.ts';
import { transitionImage } from '../../src/catalog/images.ts';
import { recordRun } from '../../src/catalog/pipeline-runs.ts';
import { removeExpiredLogs } from '../../src/logs/retention.ts';
import { until } from '../../src/platform/clock.ts';
import { logGroupArn } from '../../src/resources/log-names.ts';
import { fails, makersOf } from './makers.ts';
import { ACCOUNT, addUser, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
let logs: CloudWatchLogsClient;
let recipeArn: string;
let infrastructureArn: string;
const make = makersOf(() => api);
const GROUP = '/aws/imagebuilder/Web';

const clientOf = (credentials: { accessKeyId: string; secretAccessKey: string }): CloudWatchLogsClient =>
  new CloudWatchLogsClient({
    endpoint: api.endpoint,
    region: REGION,
    credentials,
    maxAttempts: 1,
    disableHostPrefix: true,
  });
const filter = (input: Partial<FilterLogEventsCommandInput> = {}, client = logs) =>
  client.send(new FilterLogEventsCommand({ logGroupName: GROUP, ...input }));
const get = (input: Partial<GetLogEventsCommandInput> = {}) =>
  logs.send(new GetLogEventsCommand({ logGroupName: GROUP, logStreamName: '1.0.0/1', ...input }));
const groupNames = async (logGroupNamePrefix?: string, client = logs) =>
  (await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix }))).logGroups?.map((g) => g.logGroupName);
const fail = (arn: string) =>
  api.catalog.transaction((trx) => transitionImage(trx, arn, 'FAILED', { reason: 'a test' }));

/** Makes an image, and writes its log. @param lines output of a command */
async function build(lines: readonly string[], input: Partial<CreateImageCommandInput> = {}): Promise<string> {
  const { imageBuildVersionArn: arn } = await api.client.send(
    new CreateImageCommand({
      imageRecipeArn: recipeArn,
      infrastructureConfigurationArn: infrastructureArn,
      ...input,
    }),
  );
  write(arn!, lines);
  return arn!;
}

function write(arn: string, lines: readonly string[]): void {
  const log = openImageLog(api.services.dataDirectory, arn);
  for (const text of lines) log.report({ type: 'output', stream: 'stdout', step: 'ApplyBuildComponents', text });
  log.close();
}

before(async () => {
  api = await startApi();
  logs = clientOf(api.connectionOf('same').credentials);
  recipeArn = (await make.recipe('Web')).imageRecipeArn!;
  infrastructureArn = await make.infrastructure();
});
after(() => api.close());

test('a group is named by its image and a stream by its version, and has what was printed', async () => {
  const first = await build(['one', 'two', 'three']);
  await build(['four']);
  const { logGroups } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: '/aws/imagebuilder/W' }));
  assert.deepEqual(
    logGroups?.map((g) => [g.logGroupName, g.logGroupArn, g.arn, g.retentionInDays, g.storedBytes! > 0]),
    [
      [
        GROUP,
        logGroupArn({ account: ACCOUNT, region: REGION }, GROUP),
        `${logGroups![0]!.logGroupArn}:*`,
        undefined,
        true,
      ],
    ],
  );
  const { logStreams } = await logs.send(new DescribeLogStreamsCommand({ logGroupName: GROUP }));
  assert.deepEqual(
    logStreams?.map((s) => s.logStreamName),
    ['1.0.0/1', '1.0.0/2'],
  );
  assert.ok(logStreams![0]!.firstEventTimestamp! <= logStreams![0]!.lastEventTimestamp!);
  const newest = await logs.send(
    new DescribeLogStreamsCommand({ logGroupName: GROUP, orderBy: 'LastEventTime', descending: true, limit: 1 }),
  );
  assert.deepEqual(
    newest.logStreams?.map((s) => s.logStreamName),
    ['1.0.0/2'],
  );
  assert.ok(newest.nextToken);
  const { events } = await filter();
  assert.deepEqual(
    events?.map((e) => [e.logStreamName, e.message]),
    [
      ['1.0.0/1', 'Stdout: one'],
      ['1.0.0/1', 'Stdout: two'],
      ['1.0.0/1', 'Stdout: three'],
      ['1.0.0/2', 'Stdout: four'],
    ],
  );
  assert.equal(new Set(events?.map((e) => e.eventId)).size, 4);
  assert.equal(events![0]!.eventId!.length, 56);
  // What is written is there for the next request.
  write(first, ['five']);
  assert.equal((await filter({ filterPattern: 'five' })).events?.length, 1);
});

test('pages of events: filtered, in both directions, the same token at the end', async () => {
  const pages: string[][] = [];
  for await (const { events } of paginateFilterLogEvents(
    { client: logs, pageSize: 2 },
    { logGroupName: GROUP, filterPattern: '?one ?two ?four' },
  ))
    pages.push(events!.map((e) => e.message!.slice(8)));
  assert.deepEqual(pages.flat(), ['one', 'two', 'four']);
  const head = await get({ startFromHead: true, limit: 3 });
  assert.deepEqual(
    head.events?.map((e) => e.message),
    ['Stdout: one', 'Stdout: two', 'Stdout: three'],
  );
  const next = await get({ nextToken: head.nextForwardToken, limit: 3 });
  assert.deepEqual(
    next.events?.map((e) => e.message),
    ['Stdout: five'],
  );
  const end = await get({ nextToken: next.nextForwardToken });
  assert.deepEqual([end.events, end.nextForwardToken], [[], next.nextForwardToken]);
  const back = await get({ nextToken: end.nextBackwardToken, limit: 2 });
  assert.deepEqual(
    back.events?.map((e) => e.message),
    ['Stdout: three', 'Stdout: five'],
  );
  const before = await get({ nextToken: back.nextBackwardToken });
  assert.deepEqual(
    before.events?.map((e) => e.message),
    ['Stdout: one', 'Stdout: two'],
  );
  const start = await get({ nextToken: before.nextBackwardToken });
  assert.deepEqual([start.events, start.nextBackwardToken], [[], before.nextBackwardToken]);
  assert.deepEqual(
    (await get({ limit: 1 })).events?.map((e) => e.message),
    ['Stdout: five'],
  );
  const { timestamp } = head.events![0]!;
  assert.equal((await get({ endTime: timestamp })).events?.length, 0);
  assert.ok((await filter({ endTime: timestamp })).events!.length > 0);
  assert.equal((await filter({ startTime: Date.now() + 60_000 })).events?.length, 0);
});

test('mistakes are named', async () => {
  await fails(filter({ logGroupName: '/none' }), 'ResourceNotFoundException', /log group does not exist/);
  await fails(get({ logStreamName: '9.9.9/9' }), 'ResourceNotFoundException', /log stream does not exist/);
  await fails(filter({ filterPattern: '{ $.a = }' }), 'InvalidParameterException', /expected a value/);
  await fails(filter({ limit: 10_001 }), 'InvalidParameterException', /from 1 to 10000/);
  await fails(get({ nextToken: 'f/x' }), 'InvalidParameterException', /nextToken/);
  await fails(filter({ startTime: 5, endTime: 4 }), 'InvalidParameterException', /endTime/);
  await fails(
    filter({ logStreamNames: ['1.0.0/1'], logStreamNamePrefix: '1' }),
    'InvalidParameterException',
    /not both/,
  );
});

test('a group of its own name has the streams of several images', async () => {
  const loggingConfiguration = { logGroupName: '/aws/imagebuilder/team' };
  await build(['web'], { loggingConfiguration });
  const { imageRecipeArn } = await make.recipe('Other');
  for (const line of ['a', 'b', 'c']) await build([line], { loggingConfiguration, imageRecipeArn: imageRecipeArn! });
  const { events } = await filter({ logGroupName: '/aws/imagebuilder/team' });
  assert.deepEqual(
    events?.map((e) => e.message),
    ['Stdout: web', 'Stdout: a', 'Stdout: b', 'Stdout: c'],
  );
});

test("a pipeline's decisions are its log, a stream for each day, and outlive it", async () => {
  const { imagePipelineArn: arn } = await api.client.send(
    new CreateImagePipelineCommand({
      name: 'Nightly Web',
      imageRecipeArn: recipeArn,
      infrastructureConfigurationArn: infrastructureArn,
      loggingConfiguration: { imageLogGroupName: '/aws/imagebuilder/images' },
    }),
  );
  const { imageBuildVersionArn } = await api.client.send(
    new StartImagePipelineExecutionCommand({ imagePipelineArn: arn }),
  );
  await api.catalog.transaction((trx) =>
    recordRun(trx, {
      pipeline_arn: arn!,
      occurrence: '2026-01-02T00:00:00.000Z',
      cause: 'schedule',
      by: 'rate(1 day)',
      at: '2026-01-02T00:00:00.000Z',
      because: 'It was due.',
      outcome: 'skipped',
      reason: 'No dependency has a newer version.',
    }),
  );
  const name = '/aws/imagebuilder/pipeline/Nightly-Web';
  assert.ok((await groupNames('/aws/imagebuilder/images'))?.length === 1);
  const { logStreams } = await logs.send(new DescribeLogStreamsCommand({ logGroupName: name, limit: 1 }));
  assert.deepEqual(
    logStreams?.map((s) => s.logStreamName),
    ['2026/01/02'],
  );
  const { events } = await filter({ logGroupName: name });
  assert.deepEqual(
    events?.map((e) => e.message),
    [
      'INFO Skipped: It was due. No dependency has a newer version.',
      `INFO Started ${imageBuildVersionArn}: StartImagePipelineExecution was called.`,
    ],
  );
  const skipped = await filter({
    logGroupName: name,
    filterPattern: '{ $.outcome = "skipped" && $.cause = "schedule" }',
  });
  assert.equal(skipped.events?.length, 1);
});

test('retention and tags are on record, streams and groups are deleted with their files', async () => {
  const group = (await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: GROUP }))).logGroups![0]!;
  await fails(
    logs.send(new PutRetentionPolicyCommand({ logGroupName: GROUP, retentionInDays: 2 })),
    'InvalidParameterException',
    /1, 3, 5, 7/,
  );
  const days = async () =>
    (await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: GROUP }))).logGroups![0]!.retentionInDays;
  await logs.send(new PutRetentionPolicyCommand({ logGroupName: GROUP, retentionInDays: 7 }));
  assert.equal(await days(), 7);
  await logs.send(new DeleteRetentionPolicyCommand({ logGroupName: GROUP }));
  assert.equal(await days(), undefined);
  await logs.send(new TagResourceCommand({ resourceArn: group.logGroupArn, tags: { team: 'a' } }));
  const { tags } = await logs.send(new ListTagsForResourceCommand({ resourceArn: group.logGroupArn }));
  assert.deepEqual(tags, { team: 'a' });
  await logs.send(new CreateLogGroupCommand({ logGroupName: '/mine', tags: { a: 'b' } }));
  await fails(
    logs.send(new CreateLogGroupCommand({ logGroupName: '/mine' })),
    'ResourceAlreadyExistsException',
    /exists/,
  );

  const arn = await build(['gone']);
  const logStreamName = arn.split('/').slice(-2).join('/');
  await fails(
    logs.send(new DeleteLogStreamCommand({ logGroupName: GROUP, logStreamName })),
    'OperationAbortedException',
    /still being made/,
  );
  await fail(arn);
  await logs.send(new DeleteLogStreamCommand({ logGroupName: GROUP, logStreamName }));
  assert.equal((await filter({ filterPattern: 'gone' })).events?.length, 0);
  await logs.send(new DeleteLogGroupCommand({ logGroupName: '/mine' }));
  assert.deepEqual(await groupNames('/mine'), []);
});

test('retention removes the logs of images that are too old, and old events of pipelines', async () => {
  const logGroupName = '/aws/imagebuilder/short';
  const arn = await build(['old'], { loggingConfiguration: { logGroupName } });
  await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 1 }));
  const day = 86_400_000;
  assert.equal(await removeExpiredLogs(api.catalog, Date.now() + 2 * day), 0, 'it is being built');
  await fail(arn);
  assert.equal(await removeExpiredLogs(api.catalog, Date.now()), 0);
  assert.equal(await removeExpiredLogs(api.catalog, Date.now() + 2 * day), 1);
  assert.deepEqual((await filter({ logGroupName })).events, []);
  const pipeline = '/aws/imagebuilder/pipeline/Nightly-Web';
  await logs.send(new PutRetentionPolicyCommand({ logGroupName: pipeline, retentionInDays: 1 }));
  await removeExpiredLogs(api.catalog, Date.now());
  assert.equal((await filter({ logGroupName: pipeline })).events?.length, 1);
});

test('an account sees its own groups only, and policies name groups by ARN', async () => {
  const other = clientOf(api.connectionOf('other').credentials);
  assert.deepEqual(await groupNames(undefined, other), []);
  await fails(filter({}, other), 'ResourceNotFoundException');
  const key = await addUser(api, `arn:aws:iam::${ACCOUNT}:user/reader`, {
    Effect: 'Allow',
    Action: ['logs:FilterLogEvents'],
    Resource: `${logGroupArn({ account: ACCOUNT, region: REGION }, GROUP)}:*`,
  });
  const reader = clientOf(key);
  assert.ok((await filter({ limit: 1 }, reader)).events!.length > 0);
  await fails(
    filter({ logGroupName: '/aws/imagebuilder/team' }, reader),
    'AccessDeniedException',
    /logs:FilterLogEvents on resource: arn:aws:logs:.*team:log-stream:/,
  );
  await fails(groupNames(undefined, reader), 'AccessDeniedException', /logs:DescribeLogGroups/);
});

/** Opens a Live Tail session, and has read its first event. */
async function tail(input: Partial<StartLiveTailCommandInput> = {}, client = logs) {
  const abort = new AbortController();
  const logGroupIdentifiers = [logGroupArn({ account: ACCOUNT, region: REGION }, GROUP)];
  const { responseStream } = await client.send(new StartLiveTailCommand({ logGroupIdentifiers, ...input }), {
    abortSignal: abort.signal,
  });
  const events = responseStream![Symbol.asyncIterator]();
  const next = async (): Promise<StartLiveTailResponseStream> => (await events.next()).value;
  return {
    start: (await next()).sessionStart!,
    next,
    /** Reads on until there are so many messages. */
    async messages(count: number): Promise<string[]> {
      const found: string[] = [];
      while (found.length < count)
        found.push(...(await next()).sessionUpdate!.sessionResults!.map(({ message }) => message!));
      return found;
    },
    close: () => abort.abort(),
  };
}

test('Live Tail has what is written from now on, of images that begin later too, and nothing earlier', async () => {
  const early = await build(['before']);
  const session = await tail();
  try {
    const { requestId, sessionId, ...start } = session.start;
    assert.ok(requestId !== undefined && sessionId !== undefined && requestId !== sessionId);
    assert.deepEqual(start, {
      logGroupIdentifiers: [logGroupArn({ account: ACCOUNT, region: REGION }, GROUP)],
      logStreamNames: [],
      logStreamNamePrefixes: [],
      logEventFilterPattern: '',
    });
    const silent = (await session.next()).sessionUpdate;
    assert.deepEqual(silent, { sessionMetadata: { sampled: false }, sessionResults: [] }, 'one a second');
    write(early, ['after']);
    assert.deepEqual(await session.messages(1), ['Stdout: after']);
    // It has ended before anybody could look.
    const quick = await build(['quick']);
    await fail(quick);
    const { sessionResults } = (await session.next()).sessionUpdate!;
    const [{ timestamp, ingestionTime, ...event }] = sessionResults as [NonNullable<typeof sessionResults>[0]];
    assert.ok(timestamp! > Date.now() - 60_000 && timestamp === ingestionTime);
    assert.deepEqual(event, {
      logStreamName: quick.split('/').slice(-2).join('/'),
      logGroupIdentifier: `${ACCOUNT}:${GROUP}`,
      message: 'Stdout: quick',
    });
    // More than a batch holds arrives whole and in order.
    const many = Array.from({ length: 1800 }, (_, n) => `many ${n}`);
    write(early, many);
    assert.deepEqual(
      await session.messages(many.length),
      many.map((text) => `Stdout: ${text}`),
    );
  } finally {
    session.close();
  }
});

test('Live Tail filters by stream and pattern, and follows the logs of pipelines', async () => {
  const arn = await build([]);
  const stream = arn.split('/').slice(-2).join('/');
  const other = await build([]);
  const names = await tail({ logStreamNames: [stream], logEventFilterPattern: 'wanted' });
  const prefixed = await tail({ logStreamNamePrefixes: ['9.'] });
  const groups = ['/aws/imagebuilder/pipeline/Nightly-Web', GROUP];
  const both = await tail({ logGroupIdentifiers: groups });
  try {
    write(other, ['wanted elsewhere']);
    write(arn, ['not this', 'wanted here']);
    assert.deepEqual(await names.messages(1), ['Stdout: wanted here']);
    const [pipeline] = (
      await api.catalog.db.selectFrom('image_pipelines').select('arn').where('name', '=', 'Nightly Web').execute()
    ).map((row) => row.arn);
    const at = new Date().toISOString();
    await api.catalog.transaction((trx) =>
      recordRun(trx, {
        pipeline_arn: pipeline!,
        occurrence: at,
        cause: 'schedule',
        by: 'rate(1 day)',
        at,
        because: 'It was due.',
        outcome: 'skipped',
        reason: 'A test.',
      }),
    );
    assert.deepEqual(
      new Set(await both.messages(4)),
      new Set([
        'Stdout: wanted elsewhere',
        'Stdout: not this',
        'Stdout: wanted here',
        'INFO Skipped: It was due. A test.',
      ]),
    );
    assert.deepEqual((await prefixed.next()).sessionUpdate!.sessionResults, []);
  } finally {
    for (const session of [names, prefixed, both]) session.close();
  }
});

test('Live Tail is authorized by group, names mistakes, and has a limit of sessions that closing gives back', async () => {
  const own = logGroupArn({ account: ACCOUNT, region: REGION }, GROUP);
  const key = await addUser(api, `arn:aws:iam::${ACCOUNT}:user/tailer`, {
    Effect: 'Allow',
    Action: ['logs:StartLiveTail'],
    Resource: `${own}:*`,
  });
  const tailer = clientOf(key);
  (await tail({}, tailer)).close();
  await fails(
    tail({ logGroupIdentifiers: [own, '/aws/imagebuilder/team'] }, tailer),
    'AccessDeniedException',
    /logs:StartLiveTail on resource: arn:aws:logs:.*team:log-stream:/,
  );
  await fails(tail({}, clientOf(api.connectionOf('other').credentials)), 'ResourceNotFoundException');
  await fails(tail({ logGroupIdentifiers: [] }), 'InvalidParameterException', /1 to 10/);
  await fails(tail({ logGroupIdentifiers: [`${own}x`] }), 'ResourceNotFoundException');
  await fails(tail({ logEventFilterPattern: '{ $.a = }' }), 'InvalidParameterException', /expected a value/);
  await fails(
    tail({ logGroupIdentifiers: [own, '/aws/imagebuilder/team'], logStreamNames: ['a'] }),
    'InvalidParameterException',
    /one log group only/,
  );
  const open: Awaited<ReturnType<typeof tail>>[] = [];
  try {
    await until('15 sessions, those of other tests being over', 10_000, async () => {
      try {
        while (open.length < 15) open.push(await tail());
        return true;
      } catch (error) {
        assert.equal((error as Error).name, 'LimitExceededException');
        return undefined;
      }
    });
    await fails(tail(), 'LimitExceededException', /15 Live Tail sessions/);
    open.pop()!.close();
    open.push(await until('room for one', 10_000, () => tail().catch(() => undefined)));
  } finally {
    for (const session of open) session.close();
  }
});
