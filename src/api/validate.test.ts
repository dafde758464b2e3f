import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { ApiError } from '../resources/errors.ts';
import type { Structure } from './codec.ts';
import type { OperationName } from './model.ts';
import { API_DATA, matchesPattern, validateInput } from './validate.ts';

const COMPONENT_ARN = 'arn:aws:imagebuilder:us-east-1:123456789012:component/web/1.0.0/1';
const valid: Structure = {
  name: 'my component',
  semanticVersion: '1.0.0',
  platform: 'Linux',
  data: 'x',
  clientToken: 'token',
};

function refusal(operation: OperationName, input: Structure): ApiError {
  try {
    validateInput(operation, input);
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    return error;
  }
  assert.fail('was accepted');
}

test('an input within all constraints passes', () => {
  const passes = (...input: Parameters<typeof validateInput>): void =>
    assert.doesNotThrow(() => validateInput(...input));
  passes('CreateComponent', valid);
  passes('CreateComponent', {
    ...valid,
    tags: { 'a b': '', __proto__x: 'y' },
    supportedOsVersions: ['Debian 12'],
  });
  passes('CreateImageRecipe', {
    name: 'abc',
    semanticVersion: '1.0.x',
    parentImage: 'ami-1',
    clientToken: 't',
    components: [{ componentArn: 'arn:aws:imagebuilder:us-east-1:aws:component/update-linux/x.x.x' }],
  });
});

test('an invalid value is reported as EC2 Image Builder reports it', () => {
  const error = refusal('GetComponent', { componentBuildVersionArn: 'x' });
  assert.equal(error.code, 'InvalidParameterValueException');
  const { pattern } = API_DATA.shapes['ComponentVersionArnOrBuildVersionArn']!;
  assert.equal(
    error.message,
    `The value supplied for parameter 'componentBuildVersionArn' is not valid. 'componentBuildVersionArn' must ` +
      `match pattern ${pattern}`,
  );
});

const wrong: readonly [what: string, operation: OperationName, input: Structure, path: string, detail: RegExp][] = [
  ['a required member that is absent', 'CreateComponent', { ...valid, name: undefined }, 'name', /must not be null/],
  [
    'an enumeration',
    'CreateComponent',
    { ...valid, platform: 'BeOS' },
    'platform',
    /one of \[Windows, Linux, macOS\], not "BeOS"/,
  ],
  [
    'too long a string',
    'CreateComponent',
    { ...valid, description: 'x'.repeat(1025) },
    'description',
    /between 1 and 1024 characters, not 1025/,
  ],
  [
    'an empty string',
    'CreateComponent',
    { ...valid, description: '' },
    'description',
    /between 1 and 1024 characters, not 0/,
  ],
  ['a NUL where none may be', 'CreateComponent', { ...valid, data: 'a\0b' }, 'data', /must match pattern/],
  [
    'an empty list',
    'CreateComponent',
    { ...valid, supportedOsVersions: [] },
    'supportedOsVersions',
    /between 1 and 25 entries, not 0/,
  ],
  [
    'a reserved tag key',
    'CreateComponent',
    { ...valid, tags: { 'aws:x': 'y' } },
    'tags.aws:x',
    /'key' must match pattern/,
  ],
  [
    'a tag value too long',
    'CreateComponent',
    { ...valid, tags: { x: 'y'.repeat(257) } },
    'tags.x',
    /'value' must have at most 256 characters/,
  ],
  ['a number out of range', 'ListImages', { maxResults: 26 }, 'maxResults', /between 1 and 25, not 26/],
  ['a fraction', 'ListImages', { maxResults: 1.5 }, 'maxResults', /must be an integer, not 1.5/],
  [
    'something deep inside',
    'CreateDistributionConfiguration',
    {
      name: 'abc',
      clientToken: 't',
      distributions: [
        { region: 'us-east-1' },
        { region: 'us-east-1', amiDistributionConfiguration: { targetAccountIds: ['1'] } },
      ],
    },
    'distributions[1].amiDistributionConfiguration.targetAccountIds[0]',
    /must match pattern \^\[0-9\]\{12\}\$/,
  ],
];
for (const [what, operation, input, path, detail] of wrong) {
  test(`rejects ${what}, with its path`, () => {
    const error = refusal(operation, input);
    assert.equal(error.code, 'InvalidParameterValueException');
    assert.ok(error.message.startsWith(`The value supplied for parameter '${path}' is not valid. `), error.message);
    assert.match(error.message, detail);
    assert.equal(error.message.split('\n').length, 1);
  });
}

test('reports all faults at once', () => {
  const { message } = refusal('CreateComponent', { name: 'x', platform: 'y' });
  for (const path of ['semanticVersion', 'clientToken', 'name', 'platform'])
    assert.match(message, new RegExp(`parameter '${path}'`));
});

test('the tag operations and versions have error codes of their own', () => {
  assert.equal(refusal('ListTagsForResource', { resourceArn: 'x' }).code, 'InvalidParameterException');
  assert.equal(refusal('CreateComponent', { ...valid, semanticVersion: '1.0' }).code, 'InvalidVersionNumberException');
  assert.equal(
    refusal('CreateComponent', { ...valid, semanticVersion: '1.0', name: '!' }).code,
    'InvalidParameterValueException',
  );
});

test('a character outside the basic plane is one character', () => {
  assert.doesNotThrow(() => validateInput('CreateComponent', { ...valid, description: '😀'.repeat(1024) }));
  assert.throws(() => validateInput('CreateComponent', { ...valid, description: '😀'.repeat(1025) }));
});

test('patterns apply to the whole value, with or without anchors', () => {
  assert.equal(matchesPattern('optional|required', 'required'), true);
  assert.equal(matchesPattern('optional|required', 'not required'), false);
  assert.equal(matchesPattern('[^\\x00]+', 'two\nlines'), true);
  assert.equal(matchesPattern('^a$', 'a\n'), false);
});

const patterns = Object.entries(API_DATA.shapes)
  .filter(([, { pattern }]) => pattern !== undefined)
  .map(([name, { pattern }]) => [name, pattern!] as const);

test('every pattern of the model compiles', () => {
  assert.ok(patterns.length > 50);
  for (const [name, pattern] of patterns) assert.equal(typeof matchesPattern(pattern, COMPONENT_ARN), 'boolean', name);
});

test('no pattern takes exponential time', () => {
  const evil = [
    'a'.repeat(50_000),
    '-'.repeat(50_000),
    'arn:aws' + '-a'.repeat(20_000),
    `arn:aws:imagebuilder:${'a-'.repeat(20_000)}`,
    `arn:aws:imagebuilder:us${'-east'.repeat(10_000)}-1:`,
    `arn:aws:imagebuilder:us-east-1:aws${'-a'.repeat(20_000)}`,
    'AAAA'.repeat(15_000) + '!',
    'a/'.repeat(30_000),
    `s3://a/${'a'.repeat(60_000)}/`,
    '{ '.repeat(100),
    '1.'.repeat(30_000),
  ];
  const before = process.cpuUsage();
  for (const [name, pattern] of patterns)
    for (const value of evil) assert.equal(typeof matchesPattern(pattern, value), 'boolean', name);
  // It takes about 10 ms.
  assert.ok(process.cpuUsage(before).user < 10_000_000);
});
