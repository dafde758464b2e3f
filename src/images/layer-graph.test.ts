import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freedWithout, layerKinds, type LayerNode, type LayerReferences } from './layer-graph.ts';

/** Builds a graph from text: `a<b` is layer b on layer a; a trailing `!` means that it is being written. */
function graph(text: string): readonly LayerNode[] {
  return text.split(' ').map((part) => {
    const [, parent, id, writing] = /^(?:(\w+)<)?(\w+)(!)?$/.exec(part)!;
    return { id: id!, parentId: parent ?? null, writing: writing !== undefined };
  });
}

function references(amis: Readonly<Record<string, string>>, uses: readonly string[] = []): LayerReferences {
  return { bases: ['base'], amis: Object.entries(amis).map(([id, layerId]) => ({ id, layerId })), uses };
}

// The base, a component that both images share, one component for each, and a clean-up layer on each.
const TWO = graph('base base<shared shared<one one<top1 shared<two two<top2');

for (const [what, layers, held, ami, freed] of [
  ['what another image shares stays', TWO, references({ a: 'top1', b: 'top2' }), 'a', ['top1', 'one']],
  [
    'the last image frees all but the base',
    TWO.filter(({ id }) => !['one', 'top1'].includes(id)),
    references({ b: 'top2' }),
    'b',
    ['top2', 'two', 'shared'],
  ],
  [
    'a layer that a build uses stays, with what is below it',
    TWO,
    references({ a: 'top1', b: 'top2' }, ['one']),
    'a',
    ['top1'],
  ],
  ['under an instance nothing is freed', TWO, references({ a: 'top1', b: 'top2' }, ['top1']), 'a', []],
  [
    'under a layer that is being written nothing is freed',
    [...TWO, ...graph('top1<new!')],
    references({ a: 'top1', b: 'top2' }),
    'a',
    [],
  ],
  [
    'under an image that was built on it nothing is freed',
    [...TWO, ...graph('top1<child')],
    references({ a: 'top1', b: 'top2', c: 'child' }),
    'a',
    [],
  ],
  [
    'a layer that later builds may take keeps what is below it',
    [...TWO, ...graph('one<tried')],
    references({ a: 'top1', b: 'top2' }),
    'a',
    ['top1'],
  ],
  ['two AMIs of one layer', TWO, references({ a: 'top1', b: 'top2', c: 'top1' }), 'a', []],
  ['a flat copy', [...TWO, ...graph('copy')], references({ a: 'top1', b: 'top2', c: 'copy' }), 'c', ['copy']],
  ['an AMI that is not there', TWO, references({ a: 'top1' }), 'z', []],
] as const) {
  test(`freed by deregistering: ${what}`, () => assert.deepEqual(freedWithout(ami, layers, held), freed));
}

test('each layer is counted once, for the first reason that needs it', () => {
  const layers = [...TWO, ...graph('one<tried lost top2<running!')];
  assert.deepEqual(Object.fromEntries(layerKinds(layers, references({ a: 'top1' }, ['two']))), {
    base: 'base',
    shared: 'ami',
    one: 'ami',
    top1: 'ami',
    two: 'work',
    top2: 'work',
    running: 'work',
    tried: 'unreferenced',
    lost: 'unreferenced',
  });
});
