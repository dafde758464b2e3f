import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slug, writtenName } from './names.ts';

test('names that differ in case, spaces or underscores are the same', () => {
  for (const [name, expected] of [
    ['My Example Image', 'my-example-image'],
    ['my_example_image', 'my-example-image'],
    ['my-example-image', 'my-example-image'],
    ['a__b  c', 'a--b--c'],
    ['_x-', '-x-'],
  ] as const)
    assert.equal(slug(name), expected);
});

test("names of managed images in AWS's notation", () => {
  for (const [name, expected] of [
    ['amazon-linux-2-x86', 'Amazon Linux 2 x86'],
    ['ubuntu-server-22-lts-arm64', 'Ubuntu Server 22 LTS arm64'],
    ['windows-server-2022-english-full-base-x86', 'Windows Server 2022 English Full Base x86'],
  ] as const)
    assert.equal(writtenName(name), expected);
});
