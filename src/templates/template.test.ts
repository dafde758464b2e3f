/** Templates as a whole: loops, aliases, limits, positions, all faults at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeInProperty, resolveOutputs, resolveResource, type TemplateError } from './template.ts';
import { planOf, faultsOf } from '../../test/harness/template-plans.ts';

test('additions of cdk to a template are accepted', () => {
  const text = JSON.stringify({
    Parameters: {
      BootstrapVersion: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/cdk-bootstrap/hnb659fds/version' },
    },
    Conditions: { CDKMetadataAvailable: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'us-east-1'] } },
    Rules: {
      CheckBootstrapVersion: {
        Assertions: [
          {
            Assert: { 'Fn::Not': [{ 'Fn::Contains': [['1', '2', '3', '4', '5'], { Ref: 'BootstrapVersion' }] }] },
            AssertDescription: "Please run 'cdk bootstrap'.",
          },
        ],
      },
    },
    Resources: {
      R: {
        Type: 'AWS::ImageBuilder::InfrastructureConfiguration',
        Properties: { Name: 'infra', InstanceProfileName: 'p' },
        Metadata: { 'aws:cdk:path': 'x' },
      },
      CDKMetadata: { Type: 'AWS::CDK::Metadata', Properties: {}, Condition: 'CDKMetadataAvailable' },
    },
  });
  assert.deepEqual(
    planOf(text).resources.map((resource) => resource.logicalId),
    ['R'],
  );
});

test('excessive nesting is rejected', () => {
  assert.match(faultsOf(`Resources: ${'['.repeat(500)}${']'.repeat(500)}`).join('\n'), /nested more than 100 deep/);
});

test('loops create resources, properties and outputs', () => {
  const plan = planOf(`
Transform: [AWS::LanguageExtensions]
Parameters: {Names: {Type: CommaDelimitedList, Default: 'alpha,beta-1'}}
Resources:
  Fn::ForEach::Components:
    - Name
    - !Ref Names
    - Component&{Name}:
        Type: AWS::ImageBuilder::Component
        Properties:
          Name: !Sub '\${Name}-component'
          Version: 1.0.0
          Platform: Linux
          Data: x
          Tags:
            Fn::ForEach::Tags: [Key, [one, two], {'\${Key}': !Join ['', [!Ref Name, !Ref Key]]}]
Outputs:
  Fn::ForEach::Outs: [Name, [alpha], {'Out\${Name}': {Value: !GetAtt ['Component\${Name}', Name]}}]
`);
  assert.deepEqual(
    plan.resources.map((resource) => [resource.logicalId, resolveResource(plan, resource, new Map())['tags']]),
    [
      ['Componentalpha', { one: 'alphaone', two: 'alphatwo' }],
      ['Componentbeta1', { one: 'beta-1one', two: 'beta-1two' }],
    ],
  );
  const known = new Map([['Componentalpha', { ref: 'a', attributes: { Name: 'named' } }]]);
  assert.deepEqual(
    resolveOutputs(plan, known).map(({ name, value }) => [name, value]),
    [['Outalpha', 'named']],
  );
});

test('unlimited growth is rejected', () => {
  const aliases = Array.from({ length: 30 }, (_, index) =>
    index === 0 ? 'a0: &a0 [x, x]' : `a${index}: &a${index} [*a${index - 1}, *a${index - 1}]`,
  );
  const loops = (depth: number): string =>
    depth === 0
      ? '{"x${A0}${A1}": y}'
      : `{"Fn::ForEach::L${depth}": [A${depth - 1}, [${Array(40).fill('v').join()}], ${loops(depth - 1)}]}`;
  const names = Array.from(
    { length: 60 },
    (_, index) =>
      `  B${index}: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '\${B${index + 1}}\${B${index + 1}}'}}\n`,
  ).join('');
  for (const text of [
    `Metadata:\n  ${aliases.join('\n  ')}\nResources: {B: {Type: AWS::S3::Bucket}}\n`,
    `Transform: AWS::LanguageExtensions\nResources: ${loops(6)}\n`,
  ])
    assert.match(faultsOf(text).join(), /more than \d+ values|more values than/);
  const conditions = Array.from({ length: 5000 }, (_, index) => `  C${index}: !Not [!Condition C${index + 1}]\n`);
  assert.match(
    faultsOf(`Conditions:\n${conditions.join('')}Resources: {B: {Type: AWS::S3::Bucket}}\n`).join('\n'),
    /more than 200 conditions in conditions/,
  );
  const many = Array.from({ length: 501 }, (_, index) => `  B${index}: {Type: AWS::S3::Bucket}\n`);
  assert.match(faultsOf(`Resources:\n${many.join('')}`).join(), /501 resources; CloudFormation allows at most 500/);
  // A name that is too long is ignored: the bucket gets a generated one.
  const plan = planOf(`Resources:\n${names}  B60: {Type: AWS::S3::Bucket}\nOutputs: {O: {Value: !Ref B0}}\n`);
  assert.ok(resolveOutputs(plan, new Map())[0]!.value.length < 1 << 21);
});

test('aliases and merged maps are resolved', () => {
  const plan = planOf(`
Resources:
  A:
    Type: AWS::ImageBuilder::Component
    Properties: &base {Name: aaa, Version: 1.0.0, Platform: Linux, Data: x, Tags: &tags {team: web}}
  B:
    Type: AWS::ImageBuilder::Component
    Properties: {<<: *base, Name: bbb}
  C:
    Type: AWS::ImageBuilder::InfrastructureConfiguration
    Properties: {Name: ccc, InstanceProfileName: p, Tags: *tags}
`);
  assert.deepEqual(
    plan.resources.map((resource) => resolveResource(plan, resource, new Map())).map(({ name, tags }) => [name, tags]),
    [
      ['aaa', { team: 'web' }],
      ['bbb', { team: 'web' }],
      ['ccc', { team: 'web' }],
    ],
  );
});

test('a position in a document is converted to one in the template', () => {
  const plan = planOf(`
Resources:
  A:
    Type: AWS::ImageBuilder::Component
    Properties:
      Name: aaa
      Version: 1.0.0
      Platform: Linux
      Data: !Sub |
        name: \${AWS::Region}
        schemaVersion: 1.0
  B: {Type: AWS::ImageBuilder::Component, Properties: {Name: bbb, Version: 1.0.0, Platform: Linux, Data: "name: x"}}
`);
  const [a, b] = plan.resources;
  assert.deepEqual(placeInProperty(plan, a!, 'Data', { line: 2, column: 5 }), { line: 11, column: 13 });
  assert.deepEqual(placeInProperty(plan, b!, 'Data', { line: 1, column: 7 }), { line: 12, column: 113 });
});

test('all faults come in one go, those of sections, parameters and resources', () => {
  const codes = (text: string): string[] => {
    try {
      planOf(text);
    } catch (error) {
      return (error as TemplateError).faults.map(({ code }) => code);
    }
    return [];
  };
  assert.deepEqual(
    codes(
      'Nope: x\nParameters:\n  P: {Type: Sting}\nRules:\n  R: {Assertions: [{Assert: !Equals [a, b]}]}\n' +
        'Resources:\n  A: {Type: AWS::ImageBuilder::Component, Properties: {Name: !Ref Q}}\n' +
        'Outputs:\n  O: {Value: !GetAtt A.Nope}\n',
    ),
    [
      'unknown-section',
      'missing',
      'invalid-value',
      'rule-failed',
      // Of A, Platform and Version. Its Name is there: what that names is the fault.
      'missing',
      'missing',
      'unknown-reference',
      'unknown-attribute',
    ],
  );
});
