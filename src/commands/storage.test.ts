import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StorageUsage } from '../storage/storage.ts';
import { shown as deregistered } from './deregister.ts';
import { shown as usage } from './df.ts';
import { size, table } from './text.ts';

for (const [bytes, text] of [
  [0, '0 B'],
  [512, '512 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [4096, '4.1 kB'],
  [9949, '9.9 kB'],
  [9950, '10 kB'],
  [999_600, '1.0 MB'],
  [620_000_000, '620 MB'],
  [1_234_000_000, '1.2 GB'],
  [5e15, '5000 TB'],
] as const) {
  test(`${bytes} bytes are shown as ${text}`, () => assert.equal(size(bytes), text));
}

test('columns are aligned, numbers to the right', () => {
  assert.equal(
    table([
      ['a', 'bb'],
      ['ccc', 'd'],
    ]),
    'a    bb\nccc  d\n',
  );
  assert.equal(
    table(
      [
        ['a', 'bb'],
        ['ccc', 'd'],
      ],
      [0],
    ),
    '  a  bb\nccc  d\n',
  );
});

const NONE: StorageUsage = {
  dataDirectory: '/var/lib/ingot',
  totalBytes: 4096,
  availableBytes: 5e9,
  regions: [],
  amis: [],
  kinds: {
    baseImages: 0,
    images: 0,
    copies: 0,
    running: 0,
    instances: 0,
    unreferenced: 0,
    files: 0,
    containers: 0,
    registry: 0,
    logs: 0,
    catalog: 0,
    other: 4096,
  },
};

test('df without AMIs', () => {
  const text = usage(NONE);
  assert.match(text, /^4\.1 kB {2}total of \/var\/lib\/ingot; 5\.0 GB are free$/m);
  assert.match(text, /\nno AMIs\n$/);
});

test('df with AMIs and Regions; a name cannot control the terminal', () => {
  const text = usage({
    ...NONE,
    kinds: { ...NONE.kinds, copies: 700e6 },
    regions: [{ region: 'eu-west-1', bytes: 700e6 }],
    amis: [
      {
        id: 'ami-0123456789abcdef0',
        region: 'eu-west-1',
        name: 'web \u001b[31m1',
        image: 'arn:aws:imagebuilder:us-east-1:123456789012:image/web/1.0.0/3',
        created: '',
        bytes: 700e6,
        freedBytes: 7e6,
      },
    ],
  });
  assert.match(text, /^700 MB +of these, eu-west-1$/m);
  assert.match(text, /^ami-0123456789abcdef0 {2}eu-west-1 {2}700 MB +7\.0 MB {2}web 1 +web\/1\.0\.0\/3$/m);
});

for (const [layers, bytes, keptBy, text] of [
  [2, 3e6, [], 'ami-1 deregistered in us-east-1, 3.0 MB freed'],
  [
    0,
    0,
    ['i-1', 'ami-2'],
    'ami-1 deregistered in us-east-1, nothing could be freed yet: its disk is still needed by i-1, ami-2',
  ],
] as const) {
  test(text, () => assert.equal(deregistered({ amiId: 'ami-1', region: 'us-east-1', layers, bytes, keptBy }), text));
}
