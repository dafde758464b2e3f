import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VENDORS } from '../../platform/config/names.ts';
import { DEFAULT_CONFIG } from '../../platform/config/config.ts';
import { baseImages, containerBases } from '../base/base-images.ts';
import { namedImages, nameSources, parentNames, suppliedImages } from './names.ts';

test('a name occurs once, in the form of an ARN', () => {
  const names = parentNames.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[a-z0-9-]{3,128}$/);
  assert.equal(namedImages.length, names.length);
  assert.equal(new Set(nameSources.map(({ vendor }) => vendor)).size, nameSources.length);
});

test('a public parameter has one name', () => {
  const parameters = parentNames.flatMap((each) => each.parameters ?? []);
  assert.equal(new Set(parameters).size, parameters.length);
  for (const parameter of parameters) assert.match(parameter, /^\/aws\/service\//);
});

test('every name that is made here has a maker, and vice versa', () => {
  assert.deepEqual(
    parentNames
      .filter(({ supply }) => supply.kind === 'made')
      .map(({ name }) => name)
      .sort(),
    Object.keys({ ...baseImages, ...containerBases }).sort(),
  );
});

test('every downloaded disk is one file in a directory over https; every rejected name has a reason', () => {
  for (const { name, supply } of parentNames) {
    if (supply.kind === 'refused') assert.match(supply.why, /^[A-Z].*\.$/, name);
    if (supply.kind !== 'fetched') continue;
    const { address, folder, file, signature, vendor } = supply.disk;
    assert.match(address, /^https:\/\/[^?#]+\/$/, name);
    assert.match(folder, /^[^/].*\/$/, name);
    assert.match(file.source, /^\^.*\$$/, name);
    assert.ok(VENDORS.includes(vendor), name);
    for (const fingerprint of signature?.fingerprints ?? []) assert.match(fingerprint, /^[0-9A-F]{40}$/, name);
    assert.equal(suppliedImages[name]!.origin, 'untrusted');
  }
  assert.deepEqual(DEFAULT_CONFIG.names.vendors, {});
});

test("the names in AWS's and Terraform's samples exist", () => {
  const names = new Set(parentNames.map(({ name }) => name));
  for (const name of [
    'amazon-linux-2-x86',
    'amazon-linux-2-arm64',
    'amazon-linux-2023-x86',
    'amazon-linux-x86-latest',
    'amazon-linux-x86-2',
    'ubuntu-server-22-lts-x86',
    'ubuntu-server-24-lts-x86',
    'red-hat-enterprise-linux-9-x86',
    'suse-linux-enterprise-server-15-x86',
    'windows-server-2022-english-full-base-x86',
    'windows-server-2019-english-core-base-x86',
    'macos-sonoma-arm64',
  ])
    assert.ok(names.has(name), name);
});
