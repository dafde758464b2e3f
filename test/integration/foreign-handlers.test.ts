/**
 * Handlers of SNS messages that others wrote for EC2 Image Builder, run on Ingot's messages. They are not part of this
 * project: `INGOT_FOREIGN_HANDLERS` names a folder with copies of their repositories, `OWNER/NAME/…`. Where it does not
 * have a file, the test of that handler is skipped.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { tmpdir } from 'node:os';
import { after, describe, test } from 'node:test';
import { parseDocument } from 'yaml';
import { run } from '../../src/platform/processes.ts';
import { imageArn, openEvents } from '../harness/events.ts';
import { startReceiver } from '../harness/receiver-server.ts';
import { PROJECT } from '../harness/service.ts';
import { until } from '../../src/platform/clock.ts';

const FOLDER = process.env['INGOT_FOREIGN_HANDLERS'] ?? '';
const PIPELINE = 'arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/web';
const PARENT = 'arn:aws:imagebuilder:us-east-1:aws:image/debian-12-x86/x.x.x';
const REASON = "Workflow Execution ID: 'wf-1' failed with reason: Document web failed!";
const AMIS = [
  { region: 'eu-west-1', image: 'ami-copy', name: 'web 2026-01-31', accountId: '123456789012' },
  { region: 'us-east-1', image: 'ami-home', name: 'web 2026-01-31', accountId: '123456789012' },
];

const folder = mkdtempSync(join(tmpdir(), 'ingot-handlers-'));
after(() => rmSync(folder, { recursive: true }));

/** Path of a file of a repository, and why tests with it are skipped. */
function foreign(file: string): { readonly path: string; readonly skip: string | false } {
  const path = join(FOLDER, file);
  const skip = FOLDER !== '' && existsSync(path) ? false : `INGOT_FOREIGN_HANDLERS has no ${file}`;
  return { path, skip };
}

/** A call of an AWS client: service, operation, input. */
type Call = readonly [string, string, Readonly<Record<string, unknown>>];
interface Outcome {
  readonly said: unknown;
  readonly calls: readonly Call[];
}

/** Runs a handler of Python with clients that only write down what they are asked. */
const PYTHON = `
import json, sys, types
calls = []
class Client:
    def __init__(self, service): self.service = service
    def __getattr__(self, operation):
        def call(**given):
            calls.append([self.service, operation, given])
            return {'InstanceRefreshId': 'r-1'}
        return call
class Session:
    def client(self, service_name, **given): return Client(service_name)
boto3 = types.ModuleType('boto3'); boto3.client = Session().client; sys.modules['boto3'] = boto3
boto3.session = types.SimpleNamespace(Session=Session)
class ClientError(Exception): pass
for name, members in {'botocore': {}, 'botocore.exceptions': {'ClientError': ClientError},
                      'botocore.config': {'Config': lambda **given: given}}.items():
    module = types.ModuleType(name); module.__dict__.update(members); sys.modules[name] = module
scope = {'__name__': 'handler'}
exec(compile(open(sys.argv[1]).read(), sys.argv[1], 'exec'), scope)
said = scope[sys.argv[2]]({'Records': [{'Sns': {'Message': sys.stdin.read()}}]}, None)
print('\\n' + json.dumps({'said': said, 'calls': calls}))
`;

async function python(file: string, handler: string, message: string, env: Record<string, string>): Promise<Outcome> {
  const program = join(folder, 'program.py');
  writeFileSync(program, PYTHON);
  const { stdout } = await run(['python3', program, file, handler], { input: message, env });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Outcome;
}

/** Runs a handler for Node.js. Version 2 of the AWS SDK only writes down what it is asked; version 3 is real. */
async function node(file: string, message: string, env: Record<string, string>): Promise<Outcome> {
  const sdk = join(folder, 'aws-sdk.cjs');
  writeFileSync(
    sdk,
    `globalThis.calls = [];
    const client = (service) => class {
      constructor() {
        return new Proxy(this, { get: (_, operation) => (given) => ({
          promise: async () => void globalThis.calls.push([service, operation, given]) }) });
      }
    };
    module.exports = new Proxy({}, { get: (_, service) => client(service) });`,
  );
  const program = join(folder, 'program.mjs');
  writeFileSync(
    program,
    `import { registerHooks } from 'node:module';
    import { text } from 'node:stream/consumers';
    registerHooks({ resolve(name, context, next) {
      if (name === 'aws-sdk') return { url: ${JSON.stringify(pathToFileURL(sdk).href)}, shortCircuit: true };
      if (name === 'aws-lambda') return { url: 'data:text/javascript,export const Context = 0;', shortCircuit: true };
      const own = ${JSON.stringify(pathToFileURL(join(PROJECT, 'package.json')).href)};
      return next(name, name.startsWith('@aws-sdk/') ? { ...context, parentURL: own } : context);
    } });
    const { handler } = await import(process.argv[2]);
    const said = await handler({ Records: [{ Sns: { Message: await text(process.stdin) } }] }, {});
    console.log('\\n' + JSON.stringify({ said: said ?? null, calls: globalThis.calls ?? [] }));`,
  );
  const { stdout } = await run([process.execPath, program, pathToFileURL(file).href], { input: message, env });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Outcome;
}

/** The message that a subscriber gets of an image. */
async function messageOf(status: 'AVAILABLE' | 'FAILED'): Promise<string> {
  const suite = await openEvents();
  const hook = await startReceiver();
  try {
    await suite.deliver({
      receivers: { one: { type: 'sns-http', url: hook.url } },
      topics: { '*': 'one' },
    });
    await suite.change('web', status, {
      snapshot: {
        arn: imageArn('web'),
        name: 'web',
        state: status === 'FAILED' ? { status, reason: REASON } : { status },
        type: 'AMI',
        platform: 'Linux',
        dateCreated: '2026-01-31T12:00:00.000Z',
        sourcePipelineArn: PIPELINE,
        imageRecipe: { name: 'web', version: '1.0.0', parentImage: PARENT },
        outputResources: { amis: status === 'FAILED' ? [] : AMIS },
      },
      topic: { arn: 'arn:aws:sns:us-east-1:123456789012:images' },
    });
    const { body } = await until('the message', 30_000, () => hook.accepted[0]);
    return (JSON.parse(body) as { Message: string }).Message;
  } finally {
    await suite.close();
    await hook.close();
  }
}

describe('aws-samples/ec2-auto-scaling-instance-refresh-sample', () => {
  const root = 'aws-samples/ec2-auto-scaling-instance-refresh-sample';
  const { path, skip } = foreign(`${root}/InstanceRefreshHandler/lambda_function.py`);
  const env = { AWS_REGION: 'us-east-1', AutoScalingGroupName: 'web', LaunchTemplateId: 'lt-1' };

  test('refreshes the group with the AMI of the home Region', { skip }, async () => {
    const { said, calls } = await python(path, 'lambda_handler', await messageOf('AVAILABLE'), env);
    assert.equal(said, 'Success');
    assert.deepEqual(
      calls.map(([, operation]) => operation),
      ['update_auto_scaling_group', 'start_instance_refresh'],
    );
  });

  test('does nothing for an image that failed', { skip }, async () => {
    const message = (await messageOf('FAILED')).replace('"amis":[]', '"amis":[{"region":"x","image":"y"}]');
    const { said, calls } = await python(path, 'lambda_handler', message, env);
    assert.deepEqual([said, calls], ['No action taken. EC2 Image build failed.', []]);
  });

  const sample = foreign(`${root}/sample-event.json`);
  test('the message has the members of its sample event', { skip: sample.skip }, async () => {
    const read = JSON.parse(readFileSync(sample.path, 'utf8')) as { Records: [{ Sns: { Message: string } }] };
    const theirs = JSON.parse(read.Records[0].Sns.Message) as object;
    const message = await messageOf('AVAILABLE');
    assert.match(message, /"semver":1237940039285380274899124225,/);
    const ours = JSON.parse(message) as object;
    // These depend on the image, which here has no such configurations.
    assert.deepEqual(
      Object.keys(theirs).filter((name) => !Object.hasOwn(ours, name)),
      ['infrastructureConfiguration', 'distributionConfiguration'],
    );
  });
});

describe('aws-samples/amazon-ec2-image-builder-samples', () => {
  const root = 'aws-samples/amazon-ec2-image-builder-samples';
  const tracker = foreign(`${root}/lambda/latest_image_tracker/image-builder-lambda-update-ssm.py`);
  test('the tracker puts each AMI into a parameter, with its tags', { skip: tracker.skip }, async () => {
    const { calls } = await python(tracker.path, 'lambda_handler', await messageOf('AVAILABLE'), {});
    assert.deepEqual(
      calls.map(([service, operation]) => [service, operation]),
      AMIS.flatMap(() => [
        ['ssm', 'put_parameter'],
        ['ssm', 'add_tags_to_resource'],
      ]),
    );
    assert.equal(calls[0]![2]['Value'], 'ami-home');
    const tags = calls[1]![2]['Tags'] as readonly { readonly Key: string; readonly Value: string }[];
    assert.deepEqual(Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value])), {
      Source: 'EC2 Image Builder',
      AMI_REGION: 'us-east-1',
      AMI_ID: 'ami-home',
      AMI_NAME: 'web 2026-01-31',
      RECIPE_NAME: 'web',
      SOURCE_PIPELINE_ARN: PIPELINE,
    });
    assert.deepEqual((await python(tracker.path, 'lambda_handler', await messageOf('FAILED'), {})).calls, []);
  });

  const recorder = foreign(`${root}/CDK/Linux/hello-world/lib/lambda/recorder/app.py`);
  test('the recorder of the CDK application', { skip: recorder.skip }, async () => {
    const env = { IMAGE_SSM_NAME: '/images/web' };
    const { calls } = await python(recorder.path, 'lambda_handler', await messageOf('AVAILABLE'), env);
    assert.deepEqual([calls[0]![2]['Name'], calls[0]![2]['Value']], ['/images/web', 'ami-home']);
  });
});

describe('aws/aws-parallelcluster', () => {
  const code = 'cli/src/pcluster/resources/custom_resources/custom_resources_code/delete_image_stack.py';
  const { path, skip } = foreign(`aws/aws-parallelcluster/${code}`);
  const env = { AWS_REGION: 'us-east-1', IMAGE_STACK_ARN: 'arn:aws:cloudformation:us-east-1:123456789012:stack/x/1' };
  test('tags the AMIs with their parent image and deletes its stack', { skip }, async () => {
    const { calls } = await python(path, 'handler', await messageOf('AVAILABLE'), env);
    const tagged = calls.filter(([, operation]) => operation === 'tag_resources').map(([, , given]) => given);
    assert.deepEqual(
      tagged.map((each) => each['ResourceARNList']),
      [['arn:aws:ec2:us-east-1::image/ami-home'], ['arn:aws:ec2:eu-west-1::image/ami-copy']],
    );
    assert.equal((tagged[0]!['Tags'] as Record<string, string>)['parallelcluster:parent_image'], PARENT);
    assert.deepEqual(calls.at(-1)!.slice(0, 2), ['cloudformation', 'delete_stack']);
    assert.deepEqual((await python(path, 'handler', await messageOf('FAILED'), env)).calls, []);
  });
});

describe('aws-samples/ec2-image-builder-send-approval-notifications-before-sharing-ami', () => {
  const { path, skip } = foreign(
    'aws-samples/ec2-image-builder-send-approval-notifications-before-sharing-ami/template.yaml',
  );
  const env = { SNS_TOPIC_ARN: 'arn:aws:sns:us-east-1:123456789012:approvers', SSM_DOCUMENT_NAME: 'Approve' };
  const code = (): string => {
    const document = parseDocument(readFileSync(path, 'utf8'), { logLevel: 'silent' });
    const text = document.getIn(['Resources', 'StartAutomationExecutionHandler', 'Properties', 'Code', 'ZipFile']);
    const file = join(folder, 'index.py');
    writeFileSync(file, String(text));
    return file;
  };

  test('asks for the approval of an AMI', { skip }, async () => {
    const { calls } = await python(code(), 'lambda_handler', await messageOf('AVAILABLE'), env);
    assert.deepEqual(calls, [
      [
        'ssm',
        'start_automation_execution',
        { DocumentName: 'Approve', Parameters: { amiId: ['ami-home'], amiName: ['web 2026-01-31'] } },
      ],
    ]);
  });

  test('tells why an image failed, with the id of its build', { skip }, async () => {
    const { calls } = await python(code(), 'lambda_handler', await messageOf('FAILED'), env);
    const [service, operation, { Message: text }] = calls[0]!;
    assert.deepEqual([service, operation], ['sns', 'publish']);
    assert.ok(String(text).startsWith(`Reason: ${REASON}\nSource Pipeline ARN: ${PIPELINE}.\n`), String(text));
    assert.match(String(text), /Build Execution Id: [0-9a-f-]{36}\n/);
  });
});

describe('buildkite/image-builder', () => {
  const { path, skip } = foreign('buildkite/image-builder/src/index.js');
  const env = { OUTPUT_PARAMETER: '/images/web', OUTPUT_TOPIC: 'arn:aws:sns:us-east-1:123456789012:new' };
  test('puts each AMI into a parameter and publishes it', { skip }, async () => {
    const { calls } = await node(path, await messageOf('AVAILABLE'), env);
    assert.deepEqual(
      calls.map(([service, operation, given]) => [service, operation, given['Value'] ?? given['Message']]),
      ['ami-home', 'ami-copy'].flatMap((ami) => [
        ['SSM', 'putParameter', ami],
        ['SNS', 'publish', JSON.stringify({ event: 'NewImage', NewImage: { ami } })],
      ]),
    );
    assert.deepEqual((await node(path, await messageOf('FAILED'), env)).calls, []);
  });
});

describe('JaysonRawlins/cdk-ami-builder', () => {
  const { path, skip } = foreign(
    'JaysonRawlins/cdk-ami-builder/src/Lambdas/ImageBuilderUpdateSsm/ImageBuilderUpdateSsm.lambda.ts',
  );
  test('puts each AMI into a parameter, with its tags', { skip }, async () => {
    const ssm = await startReceiver();
    try {
      const env = {
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_ENDPOINT_URL_SSM: ssm.url,
        SSM_PATH: '/images/web',
      };
      await node(path, await messageOf('AVAILABLE'), env);
      const asked = ssm.received.map(({ headers, body }) => ({
        operation: String(headers['x-amz-target']).split('.')[1],
        ...(JSON.parse(body) as { readonly Value?: string; readonly Tags?: readonly { readonly Value: string }[] }),
      }));
      assert.deepEqual(
        asked.map(({ operation, Value }) => [operation, Value]),
        [
          ['PutParameter', 'ami-home'],
          ['AddTagsToResource', undefined],
          ['PutParameter', 'ami-copy'],
          ['AddTagsToResource', undefined],
        ],
      );
      assert.deepEqual(
        asked[1]!.Tags!.map(({ Value }) => Value),
        ['EC2 Image Builder', 'us-east-1', 'ami-home', 'web 2026-01-31', 'web', PIPELINE],
      );
    } finally {
      await ssm.close();
    }
  });
});
