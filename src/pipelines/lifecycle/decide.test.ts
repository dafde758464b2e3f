import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LifecyclePolicyDetail } from '@aws-sdk/client-imagebuilder';
import { decideLifecycle, SCOPE_TAG, type AgedImage } from './decide.ts';

const NOW = Date.parse('2026-06-30T12:00:00Z');
const DAY = 86_400_000;
const RECIPES = { recipes: [{ name: 'Web', semanticVersion: 'x.x.x' }] };

/** `1.0.0/3` of the image `web`, with an age in days. */
function image(name: string, days: number, more: Partial<AgedImage> = {}): AgedImage {
  const [version = '', build] = name.split('/');
  const [major, minor, patch] = version.split('.').map(Number) as [number, number, number];
  return {
    arn: `web/${version}/${build}`,
    slug: 'web',
    version: { major, minor, patch },
    created: NOW - days * DAY,
    status: 'AVAILABLE',
    tags: {},
    amis: [{ id: `ami-${build}`, region: 'eu-west-1', tags: {}, isPublic: false, sharedAccounts: [] }],
    builtUpon: [],
    ...more,
  };
}

function count(value: number, more: Partial<LifecyclePolicyDetail> = {}): LifecyclePolicyDetail {
  return {
    action: { type: 'DELETE', includeResources: { amis: true, snapshots: true } },
    filter: { type: 'COUNT', value },
    ...more,
  };
}

function age(
  type: 'DEPRECATE' | 'DISABLE' | 'DELETE',
  value: number,
  unit: 'DAYS' | 'WEEKS' | 'MONTHS' | 'YEARS',
  retainAtLeast?: number,
  more: Partial<LifecyclePolicyDetail> = {},
): LifecyclePolicyDetail {
  return {
    action: { type, includeResources: { amis: true } },
    filter: { type: 'AGE', value, unit, retainAtLeast },
    ...more,
  };
}

interface Case {
  readonly name: string;
  readonly images: readonly AgedImage[];
  readonly details: readonly LifecyclePolicyDetail[];
  readonly selection?: object;
  readonly tags?: Readonly<Record<string, string>>;
  /** Actions by build, newest first, and optionally a part of the reason. */
  readonly expected: readonly (readonly [build: string, action: string, why?: RegExp])[];
}

const CASES: readonly Case[] = [
  {
    name: 'COUNT keeps the newest of each version',
    images: [image('1.0.0/1', 9), image('1.0.0/2', 8), image('1.0.0/3', 7), image('2.0.0/1', 6)],
    details: [count(2)],
    expected: [
      ['2.0.0/1', 'KEEP', /number 1 of the 2 that are kept of its recipe version/],
      ['1.0.0/3', 'KEEP'],
      ['1.0.0/2', 'KEEP', /number 2 of the 2/],
      ['1.0.0/1', 'DELETE', /The newest 2 of its recipe version are kept, and there are 2 newer ones/],
    ],
  },
  {
    name: 'COUNT over all versions, by the policy tag',
    images: [image('1.0.0/1', 9), image('1.0.0/2', 8), image('1.1.0/1', 7), image('2.0.0/1', 6)],
    details: [count(2)],
    tags: { [SCOPE_TAG]: 'recipe' },
    expected: [
      ['2.0.0/1', 'KEEP'],
      ['1.1.0/1', 'KEEP', /all versions together/],
      ['1.0.0/2', 'DELETE'],
      ['1.0.0/1', 'DELETE', /there are 3 newer ones/],
    ],
  },
  {
    name: 'what failed holds no place and always goes; what is in work is left alone and holds none',
    images: [
      image('1.0.0/1', 9),
      image('1.0.0/2', 8),
      image('1.0.0/3', 3, { status: 'FAILED', amis: [] }),
      image('1.0.0/4', 2, { status: 'CANCELLED', amis: [] }),
      image('1.0.0/5', 1, { status: 'TESTING', amis: [] }),
    ],
    details: [count(1)],
    expected: [
      ['1.0.0/5', 'KEEP', /It is TESTING: images in work are left alone/],
      ['1.0.0/4', 'DELETE', /It is CANCELLED/],
      ['1.0.0/3', 'DELETE', /It is FAILED/],
      ['1.0.0/2', 'KEEP'],
      ['1.0.0/1', 'DELETE'],
    ],
  },
  {
    name: 'AGE by the calendar, to the day, with what is retained at least',
    images: [image('1.0.0/1', 500), image('1.0.0/2', 31), image('1.0.0/3', 30), image('1.0.0/4', 29)],
    details: [age('DELETE', 30, 'DAYS', 2)],
    expected: [
      ['1.0.0/4', 'KEEP', /younger than 30 DAYS/],
      ['1.0.0/3', 'KEEP', /number 2 of at least 2 that are retained/],
      ['1.0.0/2', 'DELETE', /older than 30 DAYS/],
      ['1.0.0/1', 'DELETE'],
    ],
  },
  {
    name: 'one action for each image, the gentlest first; what has it is for the next',
    images: [
      image('1.0.0/1', 400, { status: 'DISABLED' }),
      image('1.0.0/2', 400, { status: 'DEPRECATED' }),
      image('1.0.0/3', 400),
      image('1.0.0/4', 100, { status: 'DEPRECATED' }),
      image('1.0.0/5', 100),
      image('1.0.0/6', 10),
    ],
    details: [age('DELETE', 1, 'YEARS'), age('DISABLE', 6, 'MONTHS'), age('DEPRECATE', 2, 'MONTHS')],
    expected: [
      ['1.0.0/6', 'KEEP'],
      ['1.0.0/5', 'DEPRECATE'],
      ['1.0.0/4', 'KEEP', /It is DEPRECATED, and cannot be deprecated.*younger than 6 MONTHS/],
      ['1.0.0/3', 'DEPRECATE'],
      ['1.0.0/2', 'DISABLE'],
      ['1.0.0/1', 'DELETE'],
    ],
  },
  {
    name: 'excluded images stay, and hold no place',
    images: [image('1.0.0/1', 9), image('1.0.0/2', 8), image('1.0.0/3', 7, { tags: { keep: 'yes' } })],
    details: [count(1, { exclusionRules: { tagMap: { keep: 'yes' } } })],
    expected: [
      ['1.0.0/3', 'KEEP', /Images with the tag keep=yes are excluded/],
      ['1.0.0/2', 'KEEP', /number 1 of the 1/],
      ['1.0.0/1', 'DELETE'],
    ],
  },
  {
    name: 'an AMI that is excluded keeps its image from being deleted',
    images: [
      image('1.0.0/1', 9, {
        amis: [{ id: 'ami-1', region: 'us-east-1', tags: {}, isPublic: false, sharedAccounts: [], lastLaunched: NOW }],
      }),
      image('1.0.0/2', 8),
    ],
    details: [count(1, { exclusionRules: { amis: { lastLaunched: { value: 5, unit: 'DAYS' } } } })],
    expected: [
      ['1.0.0/2', 'KEEP'],
      ['1.0.0/1', 'KEEP', /AMIs of it stay: ami-1: It was launched within the last 5 DAYS/],
    ],
  },
  {
    name: 'what an instance runs from, or a recipe needs, is not deleted, but deprecated',
    images: [image('1.0.0/1', 90, { held: 'The instance i-1 runs from it.' })],
    details: [age('DEPRECATE', 1, 'WEEKS'), age('DELETE', 1, 'WEEKS')],
    expected: [['1.0.0/1', 'DEPRECATE']],
  },
  {
    name: 'nor is it deleted',
    images: [image('1.0.0/1', 90, { held: 'The instance i-1 runs from it.', status: 'DEPRECATED' })],
    details: [age('DEPRECATE', 1, 'WEEKS'), age('DELETE', 1, 'WEEKS')],
    expected: [['1.0.0/1', 'KEEP', /The instance i-1 runs from it\./]],
  },
  {
    name: 'what a kept image is built on is kept, up the whole line; what goes with its children goes',
    images: [
      image('1.0.0/1', 9, { builtUpon: ['web/1.0.0/3'] }),
      image('1.0.0/2', 8, { builtUpon: ['web/1.0.0/4'] }),
      image('1.0.0/3', 7, { builtUpon: ['web/1.0.0/6', 'web/1.0.0/5'] }),
      image('1.0.0/4', 6),
      image('1.0.0/5', 5),
      image('1.0.0/6', 4, { tags: { keep: 'yes' } }),
      image('1.0.0/7', 3),
    ],
    details: [count(1, { exclusionRules: { tagMap: { keep: 'yes' } } })],
    expected: [
      ['1.0.0/7', 'KEEP'],
      ['1.0.0/6', 'KEEP'],
      ['1.0.0/5', 'DELETE'],
      ['1.0.0/4', 'DELETE'],
      ['1.0.0/3', 'KEEP', /The image web\/1\.0\.0\/6, which is kept, is built on it/],
      ['1.0.0/2', 'DELETE'],
      ['1.0.0/1', 'KEEP', /The image web\/1\.0\.0\/3, which is kept, is built on it/],
    ],
  },
  {
    name: 'recipes are selected by name and version, with wildcards',
    images: [
      image('1.0.0/1', 9),
      image('1.2.0/1', 8),
      image('2.0.0/1', 7, { slug: 'web' }),
      image('1.0.0/9', 1, { slug: 'db' }),
    ],
    selection: { recipes: [{ name: 'WEB', semanticVersion: '1.x.x' }] },
    details: [age('DELETE', 1, 'DAYS')],
    expected: [
      ['1.2.0/1', 'DELETE'],
      ['1.0.0/1', 'DELETE'],
    ],
  },
  {
    name: 'tags select, any of them',
    images: [
      image('1.0.0/1', 9, { tags: { team: 'web' } }),
      image('1.0.0/2', 8, { tags: { stage: 'test', team: 'db' } }),
      image('1.0.0/3', 7, { tags: { team: 'db' } }),
    ],
    selection: { tagMap: { team: 'web', stage: 'test' } },
    details: [age('DELETE', 1, 'DAYS')],
    expected: [
      ['1.0.0/2', 'DELETE'],
      ['1.0.0/1', 'DELETE'],
    ],
  },
];
for (const { name, images, details, selection = RECIPES, tags, expected } of CASES)
  test(name, () => {
    const decisions = decideLifecycle(
      images.toReversed(),
      { policyDetails: [...details], resourceSelection: selection, tags },
      NOW,
    );
    assert.deepEqual(
      decisions.map(({ arn, action }) => [arn, action]),
      expected.map(([build, action]) => [`web/${build}`, action]),
    );
    for (const [index, [build, , why]] of expected.entries())
      if (why !== undefined) assert.match(decisions[index]!.why, why, build);
  });
