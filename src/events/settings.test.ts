import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../platform/config/config.ts';
import { readEvents } from './settings.ts';

const TOPIC = 'arn:aws:sns:us-east-1:123456789012:images';
const read = (yaml: string) => readEvents(parseConfig(`events: ${yaml}`, 'config.yaml'));

test('a receiver that publishes to the topic of an image takes topics that are named in full', () => {
  const open = '{ aws: { type: sns } }';
  assert.equal(read(`{ receivers: ${open}, topics: { '${TOPIC}': aws } }`).topics.length, 1);
  for (const topic of ['*', 'arn:aws:sns:*:123456789012:images', 'arn:aws:sns:us-east-1:123456789012:*'])
    assert.throws(() => read(`{ receivers: ${open}, topics: { '${topic}': [aws] } }`), {
      message: /events\.topics\..*aws publishes to the topic that an image names, so the topic must not contain \*/,
    });
  assert.throws(() => read(`{ receivers: ${open}, rules: [{ receivers: [aws] }] }`), {
    message: /events\.rules\[0\]\.receivers: aws needs a topicArn/,
  });
  const fixed = `{ aws: { type: sns, topicArn: '${TOPIC}' } }`;
  assert.equal(read(`{ receivers: ${fixed}, topics: { '*': aws }, rules: [{ receivers: [aws] }] }`).rules.length, 1);
});
