/** The services beside Image Builder as people use them: the AWS CLI against a server over a socket. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CreateImageCommand } from '@aws-sdk/client-imagebuilder';
import { openImageLog } from '../../src/catalog/image-log.ts';
import { nameImageLog } from '../../src/catalog/log-groups.ts';
import { putParameter } from '../../src/catalog/parameters.ts';
import { findProgram } from '../../src/platform/files.ts';
import { logGroupArn } from '../../src/resources/log-names.ts';
import { makersOf } from '../api/makers.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from '../api/server.ts';
import { run, start } from '../harness/processes.ts';

const TIMEOUT_MS = 120_000;
const folder = mkdtempSync(join(tmpdir(), 'ingot-catalogue-'));
const aws = findProgram('aws');
let api: TestApi;
const make = makersOf(() => api);
before(async () => {
  api = await startApi();
});
after(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

function environment(): Record<string, string> {
  const { credentials } = api.connectionOf('same');
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    AWS_ENDPOINT_URL: api.endpoint,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_DISABLE_HOST_PREFIX_INJECTION: 'true',
    AWS_PAGER: '',
  };
}

/** An image that is being made, whose log gets a line every tenth of a second until `end`. */
async function chatter(name: string) {
  const { imageRecipeArn } = await make.recipe(name);
  const { imageBuildVersionArn: arn } = await api.client.send(
    new CreateImageCommand({ imageRecipeArn, infrastructureConfigurationArn: await make.infrastructure() }),
  );
  const log = openImageLog(api.services.dataDirectory, arn!);
  let count = 0;
  const timer = setInterval(() => log.report({ type: 'output', stream: 'stdout', text: `line ${++count}` }), 100);
  return {
    group: logGroupArn({ account: ACCOUNT, region: REGION }, `/aws/imagebuilder/${name}`),
    end() {
      clearInterval(timer);
      log.close();
    },
  };
}

test('boto3 reads a Live Tail', async (t) => {
  const python = findProgram('python3');
  const has = python !== undefined && (await run([python, '-c', 'import boto3'], { okCodes: 'any' })).code === 0;
  if (!has) return t.skip('python3 with boto3 is not on this machine (pip install boto3)');
  const program = join(folder, 'tail.py');
  writeFileSync(
    program,
    `
import boto3, json, sys
stream = boto3.client('logs').start_live_tail(logGroupIdentifiers=[sys.argv[1]])['responseStream']
names, messages = [], []
for event in stream:
    names += event.keys()
    messages += [r['message'] for r in event.get('sessionUpdate', {}).get('sessionResults', [])]
    if len(messages) >= 3: break
stream.close()
print(json.dumps([names[0], set(names[1:]) == {'sessionUpdate'}, messages]))
`,
  );
  const log = await chatter('Boto');
  try {
    const { stdout } = await run([python, program, log.group], { env: environment(), timeoutMs: TIMEOUT_MS });
    const [first, updates, messages] = JSON.parse(stdout) as [string, boolean, string[]];
    assert.deepEqual([first, updates], ['sessionStart', true]);
    const begin = Number(/^Stdout: line (\d+)$/.exec(messages[0]!)![1]);
    assert.deepEqual(
      messages,
      messages.map((_, n) => `Stdout: line ${begin + n}`),
    );
  } finally {
    log.end();
  }
});

/** A version 2 of the AWS CLI: of `INGOT_AWS_CLI_2`, or one that is installed. */
async function findVersion2(): Promise<string | undefined> {
  for (const program of [process.env['INGOT_AWS_CLI_2'], aws, '/usr/bin/aws', '/usr/local/bin/aws']) {
    if (program === undefined || program === '' || !existsSync(program)) continue;
    if (/^aws-cli\/2\./.test((await run([program, '--version'], { okCodes: 'any' })).stdout)) return program;
  }
  return undefined;
}

test('aws logs tail of the AWS CLI version 2', async (t) => {
  const program = await findVersion2();
  if (program === undefined) return t.skip('version 2 of the AWS CLI is not on this machine (apt-get install awscli)');
  const log = await chatter('Followed');
  // Before version 2.13 it does not read AWS_ENDPOINT_URL.
  const argv = [program, '--endpoint-url', api.endpoint, 'logs', 'tail', '/aws/imagebuilder/Followed'];
  const tail = await start([...argv, '--follow', '--since', '1h', '--format', 'short'], { env: environment() });
  try {
    let said = '';
    for await (const chunk of tail.stdout!) {
      said += String(chunk);
      // The first answer has what was there; later lines come with `--follow`.
      if (/line 40\n/.test(said)) break;
    }
    const numbers = [...said.matchAll(/^\S+ Stdout: line (\d+)$/gm)].map(([, number]) => Number(number));
    assert.deepEqual(
      numbers.slice(0, 40),
      Array.from({ length: 40 }, (_, index) => index + 1),
      said,
    );
  } finally {
    tail.kill('SIGKILL');
    await tail.exited;
    log.end();
  }
});

test('boto3 pages logs', async (t) => {
  const python = findProgram('python3');
  const has = python !== undefined && (await run([python, '-c', 'import boto3'], { okCodes: 'any' })).code === 0;
  if (!has) return t.skip('python3 with boto3 is not on this machine (pip install boto3)');
  const place = { account: ACCOUNT, region: REGION };
  for (const [index, name] of ['PagedA', 'PagedB', 'PagedC'].entries()) {
    const arn = `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:image/paged-${index}/1.0.0/1`;
    await nameImageLog(api.catalog.db, place, { arn, name, version: '1.0.0/1', logGroupName: undefined });
    const log = openImageLog(api.services.dataDirectory, arn);
    for (let n = 1; n <= 30; n++) log.report({ type: 'output', stream: 'stdout', text: `line ${n}` });
    log.close();
  }
  const program = join(folder, 'log-pages.py');
  writeFileSync(
    program,
    `
import boto3, json
logs = boto3.client('logs')
def pages(operation, key, size, **given):
    config = {'PageSize': size}
    found = [len(page[key]) for page in logs.get_paginator(operation).paginate(PaginationConfig=config, **given)]
    return [sum(found), max(found)]
group = '/aws/imagebuilder/PagedA'
print(json.dumps([
    pages('describe_log_groups', 'logGroups', 2, logGroupNamePrefix='/aws/imagebuilder/Paged'),
    pages('describe_log_streams', 'logStreams', 1, logGroupName=group),
    pages('filter_log_events', 'events', 7, logGroupName=group, filterPattern='line'),
]))
`,
  );
  const { stdout } = await run([python, program], { env: environment(), timeoutMs: TIMEOUT_MS });
  assert.deepEqual(JSON.parse(stdout), [
    [3, 2],
    [1, 1],
    [30, 7],
  ]);
});

test('boto3 pages, and knows the errors of each service', async (t) => {
  const python = findProgram('python3');
  const has = python !== undefined && (await run([python, '-c', 'import boto3'], { okCodes: 'any' })).code === 0;
  if (!has) return t.skip('python3 with boto3 is not on this machine (pip install boto3)');
  const program = join(folder, 'pages.py');
  writeFileSync(
    program,
    `
import boto3, json
ssm, ec2 = boto3.client('ssm'), boto3.client('ec2')
for n in range(12):
    ssm.put_parameter(Name=f'/boto/{n:02}', Type='String', Value=str(n))
pages = ssm.get_paginator('get_parameters_by_path').paginate(Path='/boto')
names = [p['Name'] for page in pages for p in page['Parameters']]
def code(work):
    try: work()
    except Exception as error: return error.response['Error']['Code']
    return None
def missing():
    try: ssm.get_parameter(Name='/none')
    except ssm.exceptions.ParameterNotFound: return True
print(json.dumps([names == [f'/boto/{n:02}' for n in range(12)], missing(), code(ec2.describe_vpcs),
    code(lambda: ec2.describe_regions(DryRun=True)), len(ec2.describe_regions()['Regions']) > 10]))
`,
  );
  const { stdout } = await run([python, program], { env: environment(), timeoutMs: TIMEOUT_MS });
  assert.deepEqual(JSON.parse(stdout), [true, true, 'InvalidAction', 'DryRunOperation', true]);
});

describe('the AWS CLI', {
  skip: aws === undefined ? 'the AWS CLI is not on this machine (pipx install awscli)' : false,
}, () => {
  const cli = (...argv: string[]) =>
    run([aws!, ...argv], { env: environment(), timeoutMs: TIMEOUT_MS, okCodes: 'any' });
  const text = async (...argv: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli(...argv, '--output', 'text');
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };

  test('parameters', async () => {
    const place = { account: ACCOUNT, region: REGION };
    await putParameter(api.catalog.db, place, { name: '/cli/a', type: 'String', value: 'x' });
    assert.equal(await text('ssm', 'get-parameter', '--name', '/cli/a', '--query', 'Parameter.Value'), 'x');
    const { stderr } = await cli('ssm', 'get-parameter', '--name', '/cli/none');
    assert.match(stderr, /\(ParameterNotFound\) when calling the GetParameter operation/);
  });

  test('parameters are put, labelled, found by path and deleted', async () => {
    await text(
      'ssm',
      'put-parameter',
      '--name',
      '/cli/p/a',
      '--type',
      'String',
      '--value',
      '1',
      '--tags',
      'Key=a,Value=b',
    );
    await text('ssm', 'put-parameter', '--name', '/cli/p/a', '--overwrite', '--value', '2');
    await text('ssm', 'label-parameter-version', '--name', '/cli/p/a', '--parameter-version', '1', '--labels', 'old');
    const one = (name: string) => text('ssm', 'get-parameter', '--name', name, '--query', 'Parameter.Value');
    assert.equal(await one('/cli/p/a:old'), '1');
    assert.equal(await text('ssm', 'get-parameters-by-path', '--path', '/cli/p', '--query', 'Parameters[].Value'), '2');
    await text('ssm', 'delete-parameter', '--name', '/cli/p/a');
  });

  test('Regions, and what EC2 does not have here', async () => {
    const found = await text(
      'ec2',
      'describe-regions',
      '--filters',
      'Name=region-name,Values=eu-west-*',
      '--query',
      'Regions[].RegionName',
    );
    assert.deepEqual(found.split(/\s+/), ['eu-west-1', 'eu-west-2', 'eu-west-3']);
    const { stderr } = await cli('ec2', 'describe-vpcs');
    assert.match(stderr, /\(InvalidAction\) .*DescribeVpcs is not valid.*DescribeRegions/);
  });

  test('logs', async () => {
    const place = { account: ACCOUNT, region: REGION };
    const arn = `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:image/cli/1.0.0/1`;
    await nameImageLog(api.catalog.db, place, { arn, name: 'Cli', version: '1.0.0/1', logGroupName: undefined });
    const log = openImageLog(api.services.dataDirectory, arn);
    for (let n = 1; n <= 30; n++) log.report({ type: 'output', stream: 'stdout', text: `line ${n}` });
    log.report({ type: 'log', level: 'error', text: 'it failed' });
    log.close();
    const group = ['--log-group-name', '/aws/imagebuilder/Cli'];
    assert.match(await text('logs', 'filter-log-events', ...group, '--filter-pattern', 'ERROR'), /ERROR it failed/);
    // The CLI follows the tokens of small pages.
    const lines = ['--page-size', '7', '--query', 'length(events[])', '--output', 'json'];
    const paged = await cli('logs', 'filter-log-events', ...group, '--filter-pattern', 'line', ...lines);
    assert.equal(paged.stdout.trim(), '30', paged.stderr);
    const stream = ['--log-stream-name', '1.0.0/1', '--start-from-head', '--limit', '1'];
    assert.match(await text('logs', 'get-log-events', ...group, ...stream), /Stdout: line 1\s/);
    assert.equal(
      await text('logs', 'describe-log-streams', ...group, '--query', 'logStreams[].logStreamName'),
      '1.0.0/1',
    );
    assert.equal(await text('logs', 'put-retention-policy', ...group, '--retention-in-days', '7'), '');
  });

  test('a Live Tail of logs', async () => {
    const log = await chatter('Tail');
    const argv = [aws!, 'logs', 'start-live-tail', '--log-group-identifiers', log.group];
    const tail = await start(argv, { env: environment() });
    try {
      let said = '';
      for await (const chunk of tail.stdout!) {
        said += String(chunk);
        if (said.split('\n').length > 5) break;
      }
      assert.match(said, /^(Stdout: line \d+\n){3}/);
    } finally {
      tail.kill('SIGKILL');
      await tail.exited;
      log.end();
    }
  });
});
