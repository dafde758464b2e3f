import assert from 'node:assert/strict';
import { test } from 'node:test';
import { strayFiles } from './stray-files.ts';

const id = (digit: number): string => String(digit).repeat(17);
const layers = [
  { id: `lay-${id(1)}`, path: `layers/lay-${id(1)}.qcow2` },
  { id: `lay-${id(2)}`, path: `layers/lay-${id(2)}-flat.qcow2` },
  { id: `lay-${id(3)}`, path: `regions/eu-west-1/ami-${id(3)}.qcow2` },
];
const amis = [
  { id: `ami-${id(1)}`, region: 'eu-west-1', state: 'available' as const, layer_id: null },
  { id: `ami-${id(2)}`, region: 'eu-west-1', state: 'pending' as const, layer_id: null },
  { id: `ami-${id(3)}`, region: 'eu-west-1', state: 'deregistered' as const, layer_id: null },
  { id: `ami-${id(4)}`, region: 'eu-west-1', state: 'failed' as const, layer_id: null },
  // Kept for a retry.
  { id: `ami-${id(7)}`, region: 'eu-west-1', state: 'failed' as const, layer_id: `lay-${id(7)}` },
];
const held = new Set([`regions/eu-west-1/ami-${id(5)}.qcow2.partial`]);

for (const [what, path, stray] of [
  ['a layer on record', `layers/lay-${id(1)}.qcow2`, false],
  ['a merged layer', `layers/lay-${id(2)}-flat.qcow2`, false],
  ['a layer that is being merged', `layers/lay-${id(1)}-flat.qcow2.partial`, false],
  ['a layer that is on no record', `layers/lay-${id(9)}.qcow2`, true],
  ['a merge of a layer that is on no record', `layers/lay-${id(9)}-flat.qcow2.partial`, true],
  ['the copy of an available AMI', `regions/eu-west-1/ami-${id(1)}.qcow2`, false],
  ['its manifest', `regions/eu-west-1/ami-${id(1)}.json`, false],
  ['the same name in another Region', `regions/us-west-2/ami-${id(1)}.qcow2`, true],
  ['a copy in the making', `regions/eu-west-1/ami-${id(2)}.qcow2.partial`, false],
  ['a copy that is written ahead', `regions/eu-west-1/ami-${id(5)}.qcow2.partial`, false],
  ['one of a worker that died', `regions/eu-west-1/ami-${id(6)}.qcow2.partial`, true],
  ['its manifest in the making', `regions/eu-west-1/ami-${id(2)}.json.partial-123`, false],
  ['the copy of a deregistered AMI that others lie over', `regions/eu-west-1/ami-${id(3)}.qcow2`, false],
  ['its manifest', `regions/eu-west-1/ami-${id(3)}.json`, true],
  ['a copy that failed', `regions/eu-west-1/ami-${id(4)}.qcow2`, true],
  ['the manifest of a copy that waits for a retry', `regions/eu-west-1/ami-${id(7)}.json`, false],
  ["somebody's own file in layers", 'layers/notes.txt', false],
  ["somebody's own disk in a Region", 'regions/eu-west-1/mine.qcow2', false],
] as const) {
  test(`${what} is ${stray ? 'stray' : 'kept'}`, () =>
    assert.deepEqual(strayFiles([path], layers, amis, held), stray ? [path] : []));
}
