import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parameterArn, parseStoreArn, readStoreArn } from './store-arns.ts';

const ACCOUNT = '123456789012';

test('the ARNs of a parameter and a secret are parsed', () => {
  assert.deepEqual(parseStoreArn(`arn:aws:ssm:eu-west-1:${ACCOUNT}:parameter/web/base`), {
    arn: `arn:aws:ssm:eu-west-1:${ACCOUNT}:parameter/web/base`,
    partition: 'aws',
    service: 'ssm',
    region: 'eu-west-1',
    account: ACCOUNT,
    name: 'web/base',
  });
  const { service, name } = parseStoreArn(`arn:aws-cn:secretsmanager:cn-north-1:${ACCOUNT}:secret:db-AbCdEf`)!;
  assert.deepEqual([service, name], ['secretsmanager', 'db-AbCdEf']);
});

test('a public parameter has no account, a secret always has one', () => {
  const { account, name } = parseStoreArn('arn:aws:ssm:us-east-1::parameter/aws/service/ami')!;
  assert.deepEqual([account, name], [undefined, 'aws/service/ami']);
  assert.equal(parseStoreArn('arn:aws:secretsmanager:us-east-1::secret:db'), undefined);
});

test('what follows an ARN is not part of it', () => {
  const arn = `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:db`;
  assert.equal(readStoreArn(`${arn}:SecretString:user`)?.arn, arn);
  assert.equal(parseStoreArn(`${arn}:SecretString:user`), undefined);
});

test('other ARNs, other resources of the two services, and plain names are rejected', () => {
  for (const text of [
    '/web/base',
    `arn:aws:ssm:us-east-1:${ACCOUNT}:document/web`,
    `arn:aws:ssm:us-east-1:${ACCOUNT}:parameter/`,
    `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:parameter/web`,
    `arn:aws:ssm:us-east-1:12345:parameter/web`,
    `x arn:aws:ssm:us-east-1:${ACCOUNT}:parameter/web`,
  ])
    assert.equal(readStoreArn(text), undefined, text);
});

test('the ARN of a parameter has one slash', () => {
  const place = { region: 'us-east-1', account: ACCOUNT };
  const arn = `arn:aws:ssm:us-east-1:${ACCOUNT}:parameter/web/base`;
  assert.deepEqual([parameterArn('/web/base', place), parameterArn('web/base', place)], [arn, arn]);
});
