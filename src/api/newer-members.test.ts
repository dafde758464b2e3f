import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import * as sdk from '@aws-sdk/client-imagebuilder';
import { NormalizedSchema } from '@smithy/core/schema';
import model from '../../data/imagebuilder-api.json' with { type: 'json' };
import { NEWER_SHAPES } from '../resources/newer-members.ts';
import { encodeOutput } from './codec.ts';
import { members } from './model.ts';
import { API_DATA } from './validate.ts';

const shapes = model.shapes as unknown as Readonly<Record<string, { readonly members?: object }>>;
const OVERLAY = Object.entries(NEWER_SHAPES);
const ADDED = OVERLAY.filter(([, { type }]) => type === undefined);

/** The SDK's own schema of a structure, without the overlay. */
function ofSdk(name: string): NormalizedSchema {
  const found = (sdk as Readonly<Record<string, unknown>>)[`${name}$`];
  assert.ok(found !== undefined, `the SDK has no ${name}`);
  return NormalizedSchema.of(found as never);
}

test('no member of the overlay is in the SDK or the API data; one that was added there must be removed here', () => {
  for (const [name, { members: added = {} }] of ADDED) {
    const known = new Set([...ofSdk(name).structIterator()].map(([member]) => member));
    for (const member of Object.keys(added)) {
      assert.ok(!known.has(member), `the SDK has ${name}.${member} now: remove it from data/newer-members.json`);
      assert.ok(
        !Object.hasOwn(shapes[name]!.members ?? {}, member),
        `the API data has ${name}.${member} now: remove it from data/newer-members.json`,
      );
    }
  }
  for (const [name, { type }] of OVERLAY)
    if (type !== undefined)
      assert.ok(!Object.hasOwn(shapes, name), `the API data has ${name} now: remove it from data/newer-members.json`);
});

test('members of the overlay are on the wire, with their constraints, after those of the model', () => {
  const recipe = ofSdk('CreateImageRecipeRequest');
  assert.deepEqual([...members(recipe).keys()].slice(-2), ['dryRun', 'amiWatermarks']);
  assert.equal(API_DATA.shapes['AmiWatermarks']?.max, 5);
  const failureContext = { failedStep: 'Build', distributionFailure: { regionFailures: [{ region: 'eu-west-1' }] } };
  assert.deepEqual(encodeOutput(ofSdk('Image'), { failureContext, state: { status: 'FAILED' } }), {
    state: { status: 'FAILED' },
    failureContext,
  });
  assert.throws(() => encodeOutput(ofSdk('Image'), { failureContext: { failedStep: 1 } }), /failureContext.failedStep/);
});
