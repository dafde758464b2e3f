/**
 * AWS's sample that refreshes an Auto Scaling group when an image is available, run on Ingot's message: the handler of
 * `aws-samples/ec2-auto-scaling-instance-refresh-sample`. It is not part of this project:
 * `INGOT_INSTANCE_REFRESH_SAMPLE` names a copy of its `lambda_function.py`.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tmpdir } from 'node:os';
import { after, describe, test } from 'node:test';
import { run } from '../../src/platform/processes.ts';
import { imageArn, openEvents } from '../harness/events.ts';
import { startReceiver } from '../harness/receiver-server.ts';
import { until } from '../../src/platform/clock.ts';

const HANDLER = process.env['INGOT_INSTANCE_REFRESH_SAMPLE'] ?? '';
const SAMPLE_EVENT = join(dirname(dirname(HANDLER)), 'sample-event.json');
const skip = existsSync(HANDLER)
  ? false
  : 'INGOT_INSTANCE_REFRESH_SAMPLE does not name the sample’s lambda_function.py';

/** Runs the handler with clients that only write down what they are asked. */
const PROGRAM = `
import json, sys, types
calls = []
class Client:
    def update_auto_scaling_group(self, **given): calls.append(['update', given]); return {}
    def start_instance_refresh(self, **given): calls.append(['refresh', given]); return {'InstanceRefreshId': 'r-1'}
boto3 = types.ModuleType('boto3'); boto3.client = lambda name: Client(); sys.modules['boto3'] = boto3
botocore = types.ModuleType('botocore'); exceptions = types.ModuleType('botocore.exceptions')
exceptions.ClientError = Exception
sys.modules['botocore'] = botocore; sys.modules['botocore.exceptions'] = exceptions
source = open(sys.argv[1]).read()
scope = {'__name__': 'lambda_function'}
exec(compile(source, sys.argv[1], 'exec'), scope)
message = sys.stdin.read()
said = scope['lambda_handler']({'Records': [{'Sns': {'Message': message}}]}, None)
ami = scope['get_ami_id_from_ib_notification'](json.loads(message))
print(json.dumps({'said': said, 'calls': calls, 'ami': ami, 'semver': str(json.loads(message)['semver'])}))
`;

describe("AWS's instance refresh sample", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-refresh-'));
  after(() => rmSync(folder, { recursive: true }));

  async function handle(message: string): Promise<Record<string, unknown>> {
    const program = join(folder, 'program.py');
    writeFileSync(program, PROGRAM);
    const env = { AWS_REGION: 'us-east-1', AutoScalingGroupName: 'web', LaunchTemplateId: 'lt-1' };
    const { stdout } = await run(['python3', program, HANDLER], { input: message, env });
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  /** The message that a subscriber gets of an image. */
  async function messageOf(status: string, amis: readonly object[]): Promise<string> {
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
          state: { status },
          type: 'AMI',
          platform: 'Linux',
          dateCreated: '2026-01-31T12:00:00.000Z',
          outputResources: { amis },
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

  test('refreshes the group with the AMI of the home Region', async () => {
    const amis = [
      { region: 'eu-west-1', image: 'ami-copy' },
      { region: 'us-east-1', image: 'ami-home' },
    ];
    const { said, calls, ami, semver } = await handle(await messageOf('AVAILABLE', amis));
    assert.equal(said, 'Success');
    assert.equal(ami, 'ami-home');
    assert.equal(semver, '1237940039285380274899124225');
    assert.deepEqual(
      (calls as [string, { AutoScalingGroupName: string }][]).map(([what, given]) => [
        what,
        given.AutoScalingGroupName,
      ]),
      [
        ['update', 'web'],
        ['refresh', 'web'],
      ],
    );
  });

  test('does nothing for an image that failed', async () => {
    const message = await messageOf('FAILED', []);
    const answer = await handle(message.replace('"amis":[]', '"amis":[{"region":"x","image":"y"}]'));
    assert.equal(answer['said'], 'No action taken. EC2 Image build failed.');
    assert.deepEqual(answer['calls'], []);
  });

  test('the message has the members of the sample event', { skip: !existsSync(SAMPLE_EVENT) }, async () => {
    const sample = JSON.parse(readFileSync(SAMPLE_EVENT, 'utf8')) as { Records: [{ Sns: { Message: string } }] };
    const theirs = JSON.parse(sample.Records[0].Sns.Message) as object;
    const ours = JSON.parse(await messageOf('AVAILABLE', [])) as object;
    // These depend on the image, which here has neither a recipe nor a pipeline.
    const ofTheImage = ['imageRecipe', 'sourcePipelineArn', 'infrastructureConfiguration', 'distributionConfiguration'];
    assert.deepEqual(
      Object.keys(theirs).filter((name) => !Object.hasOwn(ours, name)),
      ofTheImage,
    );
  });
});
