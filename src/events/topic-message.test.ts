import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { OutboxRow } from '../catalog/outbox.ts';
import type { EventEnvelope } from './envelope.ts';
import { routerOf } from './routing.ts';
import { imageMessage } from './topic-message.ts';

const ARN = 'arn:aws:imagebuilder:us-east-1:123456789012:image/test-recipe/1.0.0/1';
const RECIPE = 'arn:aws:imagebuilder:us-east-1:123456789012:image-recipe/test-recipe/1.0.0';

const image: Image = {
  arn: ARN,
  name: 'test-recipe',
  version: '1.0.0/1',
  type: 'AMI',
  platform: 'Linux',
  state: { status: 'AVAILABLE' },
  imageRecipe: { arn: RECIPE, name: 'test-recipe', version: '1.0.0', dateCreated: '2020-06-03T15:04:11.000Z' },
  dateCreated: '2020-06-03T00:09:02.123Z',
  outputResources: {
    amis: [
      { region: 'eu-west-1', image: 'ami-2', name: 'copy' },
      { region: 'us-east-1', image: 'ami-1', name: 'home' },
    ],
  },
  tags: { team: 'web' },
};

test('semver is an integer beyond 2^53, as in the sample of AWS', () => {
  assert.match(imageMessage(image), /"semver":1237940039285380274899124225,/);
});

test('the members match the sample', () => {
  const message = JSON.parse(imageMessage(image)) as Record<string, string> & {
    readonly imageRecipe: Record<string, string>;
    readonly tags: object;
  };
  assert.equal(message['versionlessArn'], 'arn:aws:imagebuilder:us-east-1:123456789012:image/test-recipe');
  assert.equal(message['version'], '1.0.0');
  assert.equal(message['buildVersion'], 1);
  assert.equal(message['dateCreated'], 'Jun 3, 2020 12:09:02 AM');
  assert.equal(message.imageRecipe['dateCreated'], 'Jun 3, 2020 3:04:11 PM');
  assert.equal(message.imageRecipe['accountId'], '123456789012');
  assert.deepEqual(message['imageTestsConfigurationDocument'], { imageTestsEnabled: true, timeoutMinutes: 720 });
  assert.deepEqual(Object.keys(message.tags), ['team', 'internalId', 'resourceArn']);
  assert.match(message['buildExecutionId']!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('the first AMI is the home Region’s', () => {
  const { outputResources } = JSON.parse(imageMessage(image)) as Image;
  assert.deepEqual(
    outputResources!.amis!.map((ami) => ami.image),
    ['ami-1', 'ami-2'],
  );
});

test('a failed image has its reason, no AMIs, and of the ids only that of its build', () => {
  const failed = { ...image, state: { status: 'FAILED', reason: 'why' }, outputResources: undefined } satisfies Image;
  const message = JSON.parse(imageMessage(failed)) as Record<string, unknown>;
  assert.deepEqual(message['state'], { status: 'FAILED', reason: 'why' });
  assert.deepEqual(message['outputResources'], { amis: [] });
  assert.deepEqual(
    ['buildExecutionId', 'testExecutionId', 'distributionJobId'].map((name) => Object.hasOwn(message, name)),
    [true, false, false],
  );
});

test('the topic of a workflow must be the ARN of a topic', () => {
  const route = routerOf({
    rules: [],
    topics: [{ topic: 'arn:aws:sns:*:123456789012:*', accounts: ['123456789012'], receivers: ['ops'] }],
  });
  const routes = (topic_arn: string): readonly string[] => [
    ...route({ topic_arn } as OutboxRow, { account: '123456789012' } as EventEnvelope).keys(),
  ];
  assert.deepEqual(routes('arn:aws:sns:eu-west-1:123456789012:images'), ['ops']);
  for (const region of ['evil.example/', 'a\r\nx-header: y', '@evil.example#', ''])
    assert.deepEqual(routes(`arn:aws:sns:${region}:123456789012:images`), [], region);
});
