import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseImages, managedImages, versionOf } from './base-images.ts';

test("a base image's version is the day it was made, without leading zeros", () => {
  assert.equal(versionOf(new Date('2026-01-05T23:59:59Z')), '2026.1.5');
  assert.equal(versionOf(new Date('2026-11-20T00:00:00+02:00')), '2026.11.19');
});

test("every entry of the register has its own name, in the form of an ARN's", () => {
  for (const [name, base] of Object.entries(baseImages)) {
    assert.equal(base.name, name);
    assert.match(name, /^[a-z0-9-]+$/);
  }
  assert.equal(managedImages.length, Object.keys(baseImages).length);
});
