import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isImageTag, isRepositoryName, parseRepositoryArn, repositoryAt, repositoryArn } from './repositories.ts';

test('names of repositories are those of ECR', () => {
  for (const name of ['ab', 'team/web', 'a-b.c_d/e9', 'x'.repeat(256)]) assert.ok(isRepositoryName(name), name);
  for (const name of [
    'a',
    '',
    '..',
    '../ab',
    'ab/..',
    'ab//c',
    '/ab',
    'ab/',
    'Ab',
    'a..b',
    '-ab',
    'ab-',
    'ab%2f',
    'é9',
  ])
    assert.ok(!isRepositoryName(name), name);
  assert.ok(!isRepositoryName('x'.repeat(257)));
  assert.ok(isImageTag('1.0_a-B'));
  for (const tag of ['', '.a', '-a', 'a/b', 'a:b', 'x'.repeat(129)]) assert.ok(!isImageTag(tag), tag);
});

test('a repository is found by ARN, by the path in the registry, and by the host of ECR', () => {
  const web = { account: '123456789012', region: 'us-east-1', name: 'team/web' };
  assert.deepEqual(parseRepositoryArn(repositoryArn(web)), web);
  assert.deepEqual(repositoryAt('127.0.0.1:8700', '123456789012/us-east-1/team/web'), web);
  assert.deepEqual(repositoryAt('123456789012.dkr.ecr.us-east-1.amazonaws.com', 'team/web'), web);
  for (const path of ['team/web', '123456789012/team', '123456789012/us-east-1/../web', '12/us-east-1/web'])
    assert.equal(repositoryAt('127.0.0.1:8700', path), undefined, path);
});
