import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { ApiError } from '../resources/errors.ts';
import { decodeInput, encodeOutput, type Structure } from './codec.ts';
import { OPERATIONS, type OperationName } from './model.ts';

function decode(
  name: OperationName,
  request: { path?: string; query?: string; body?: unknown; raw?: string | Buffer },
): Structure {
  const operation = OPERATIONS.get(name)!;
  const body = request.raw ?? (request.body === undefined ? '' : JSON.stringify(request.body));
  return decodeInput(operation, {
    path: request.path ?? operation.uri,
    query: request.query ?? '',
    body: Buffer.from(body),
  });
}

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.code, 'SerializationException');
    return error.message;
  }
  assert.fail('was accepted');
}

test('a body is decoded by its schema: unknown members are dropped, null is absent, times become dates', () => {
  const input = decode('StartResourceStateUpdate', {
    body: {
      resourceArn: 'a',
      state: { status: 'DEPRECATED', zork: 1 },
      includeResources: null,
      updateAt: 1790000000.5,
      extra: true,
    },
  });
  assert.deepEqual(input, { resourceArn: 'a', state: { status: 'DEPRECATED' }, updateAt: new Date(1790000000500) });
});

test('an ARN in the path keeps its slashes, encoded or not', () => {
  const arn = 'arn:aws:imagebuilder:us-east-1:123456789012:component/web/1.0.0/1';
  for (const path of [`/tags/${encodeURIComponent(arn)}`, `/tags/${arn}`])
    assert.deepEqual(decode('ListTagsForResource', { path }), { resourceArn: arn });
});

test('query members: single and repeated values, a plus sign, members of other operations', () => {
  assert.deepEqual(decode('GetImage', { query: 'imageBuildVersionArn=a%2Fb+c&other=1' }), {
    imageBuildVersionArn: 'a/b+c',
  });
  assert.deepEqual(decode('UntagResource', { path: '/tags/x', query: 'tagKeys=a%20b&tagKeys=c%26d' }), {
    resourceArn: 'x',
    tagKeys: ['a b', 'c&d'],
  });
  assert.deepEqual(decode('UntagResource', { path: '/tags/x', query: 'tagKeys=a' }), {
    resourceArn: 'x',
    tagKeys: ['a'],
  });
  assert.deepEqual(decode('GetImage', {}), {});
});

test('names that are special to JavaScript are ordinary names', () => {
  const input = decode('TagResource', { path: '/tags/x', raw: '{"tags":{"__proto__":"a","constructor":"b"}}' });
  const tags = input['tags'] as Structure;
  assert.equal(Object.getPrototypeOf(tags), Object.prototype);
  assert.deepEqual(Object.entries(tags), [
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
  assert.deepEqual(decode('CreateComponent', { raw: '{"__proto__":{"name":"x"}}' }), {});
});

test('a body that is not a JSON object is rejected', () => {
  assert.match(
    refusal(() => decode('CreateComponent', { raw: '{' })),
    /not valid JSON/,
  );
  assert.match(
    refusal(() => decode('CreateComponent', { raw: '[]' })),
    /must be a JSON object, not a list/,
  );
  assert.match(
    refusal(() => decode('CreateComponent', { raw: 'null' })),
    /not null/,
  );
  assert.match(
    refusal(() => decode('CreateComponent', { raw: Buffer.from([0x7b, 0xff, 0x7d]) })),
    /UTF-8/,
  );
  assert.match(
    refusal(() => decode('GetImage', { query: 'imageBuildVersionArn=%ff' })),
    /percent-encoded/,
  );
  assert.match(
    refusal(() => decode('ListTagsForResource', { path: '/tags/%' })),
    /percent-encoded/,
  );
});

test('values of a wrong type are reported with path and value, all at once', () => {
  const message = refusal(() =>
    decode('CreateImageRecipe', {
      body: {
        name: 5,
        components: [{ componentArn: 'a', parameters: [{ name: 'b', value: 'c' }] }, null],
        tags: { a: 1 },
        blockDeviceMappings: [{ ebs: { encrypted: 'yes', volumeSize: '8' } }],
      },
    }),
  );
  assert.deepEqual(
    message
      .split('\n')
      .map((line) => line.replace('The value supplied for parameter ', '').replace(' is not valid. It must be', ':')),
    [
      "'name': a string, not the number 5.",
      '\'components[0].parameters[0].value\': a list, not the string "c".',
      "'components[1]': an object, not null.",
      '\'blockDeviceMappings[0].ebs.encrypted\': true or false, not the string "yes".',
      '\'blockDeviceMappings[0].ebs.volumeSize\': a number, not the string "8".',
      "'tags.a': a string, not the number 1.",
    ],
  );
});

test('an output is encoded by its schema: times in seconds, dates as text, undefined members absent', () => {
  const { output } = OPERATIONS.get('GetImage')!;
  const wire = encodeOutput(output, {
    requestId: 'r',
    zork: 1,
    image: {
      arn: 'a',
      name: undefined,
      dateCreated: '2026-09-09T19:32:53.983Z',
      deprecationTime: new Date(1790000000500),
      tags: { a: 'b', c: undefined },
      outputResources: { amis: [] },
    },
  });
  assert.deepEqual(wire, {
    requestId: 'r',
    image: {
      arn: 'a',
      dateCreated: '2026-09-09T19:32:53.983Z',
      deprecationTime: 1790000000.5,
      tags: { a: 'b' },
      outputResources: { amis: [] },
    },
  });
});

test('an output of a wrong type is a bug of the handler', () => {
  const { output } = OPERATIONS.get('GetImage')!;
  assert.throws(() => encodeOutput(output, { image: { name: 5 } }), /image\.name is the number 5/);
  assert.throws(() => encodeOutput(output, { image: { deprecationTime: '2026' } }), TypeError);
});
