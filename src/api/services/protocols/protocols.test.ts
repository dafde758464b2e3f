import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceError } from '../errors.ts';
import { missingMember, readModel } from '../model.ts';
import { awsJson } from './aws-json.ts';
import type { Protocol } from './protocol.ts';
import { awsQuery, ec2Query } from './query.ts';

const EC2 = readModel('@aws-sdk/client-ec2/dist-cjs/schemas/schemas_0.js', ['DescribeImages', 'CreateLaunchTemplate']);
const STS = readModel('@aws-sdk/client-sts/dist-cjs/schemas/schemas_0.js', ['AssumeRole']);
const SSM = readModel('@aws-sdk/client-ssm/dist-cjs/schemas/schemas_0.js', [
  'DescribeParameters',
  'GetParameter',
  'GetParameters',
]);
const ec2 = ec2Query('http://ec2.amazonaws.com/doc/2016-11-15/');
const sts = awsQuery('https://sts.amazonaws.com/doc/2011-06-15/');
const ssm = awsJson('AmazonSSM');

const open = (protocol: Protocol, body: string, target?: string) =>
  protocol.open({ query: '', target, body: Buffer.from(body) });

test('a required member that is absent is named, at any depth', () => {
  const missing = (model: typeof EC2, name: string, input: object) => missingMember(model.get(name)!.input, input);
  assert.equal(missing(EC2, 'DescribeImages', {}), undefined);
  assert.equal(missing(EC2, 'CreateLaunchTemplate', {}), 'LaunchTemplateName');
  assert.equal(missing(EC2, 'CreateLaunchTemplate', { LaunchTemplateName: 'web' }), 'LaunchTemplateData');
  assert.equal(missing(STS, 'AssumeRole', { RoleArn: 'a' }), 'RoleSessionName');
  assert.equal(missing(SSM, 'GetParameter', { Name: 'a' }), undefined);
  assert.equal(missing(SSM, 'DescribeParameters', { Filters: [{ Key: 'Name', Values: ['a'] }, {}] }), 'Filters.2.Key');
});

test('the query protocol of EC2', () => {
  const envelope = open(
    ec2,
    'Action=DescribeImages&Version=2016-11-15&Owner.1=self&Owner.2=123456789012&IncludeDeprecated=true&MaxResults=5' +
      '&DryRun=false&Filter.1.Name=name&Filter.1.Value.1=web+*&Filter.1.Value.2=a%26b%3Dc&Filter.2.Name=tag%3AEnv' +
      '&Filter.2.Value.1=%C3%BC',
  );
  assert.equal(envelope.operation, 'DescribeImages');
  assert.deepEqual(envelope.decode(EC2.get('DescribeImages')!.input), {
    Owners: ['self', '123456789012'],
    IncludeDeprecated: true,
    MaxResults: 5,
    DryRun: false,
    Filters: [
      { Name: 'name', Values: ['web *', 'a&b=c'] },
      { Name: 'tag:Env', Values: ['ü'] },
    ],
  });
});

test('the query protocol of the other services', () => {
  const { input } = STS.get('AssumeRole')!;
  assert.deepEqual(
    open(
      sts,
      'Action=AssumeRole&RoleSessionName=s&DurationSeconds=900&Tags.member.1.Key=a&Tags.member.1.Value=1' +
        '&Tags.member.2.Key=b&Tags.member.2.Value=&TransitiveTagKeys=',
    ).decode(input),
    {
      RoleSessionName: 's',
      DurationSeconds: 900,
      Tags: [
        { Key: 'a', Value: '1' },
        { Key: 'b', Value: '' },
      ],
      TransitiveTagKeys: [],
    },
  );
});

test('lists are read in the order of their numbers', () => {
  const { input } = EC2.get('DescribeImages')!;
  assert.deepEqual(open(ec2, 'ImageId.10=c&ImageId.2=b&ImageId.1=a').decode(input), { ImageIds: ['a', 'b', 'c'] });
});

test('errors name the parameter', () => {
  const { input } = EC2.get('DescribeImages')!;
  const cases: readonly (readonly [body: string, message: RegExp])[] = [
    ['MaxResults=many', /Value \(many\) for parameter MaxResults is invalid. Expected a number/],
    ['DryRun=maybe', /parameter DryRun is invalid. Expected true or false/],
    ['Filter.1.Nmae=x', /The parameter Filter.1.Nmae is not supported/],
    ['Filter.x.Name=y', /The parameter Filter.x.Name is not supported/],
    ['Owner.1=a&Owner.1=b', /The parameter Owner.1 is given twice/],
    [Array.from({ length: 1001 }, (_, i) => `Owner.${i}=x`).join('&'), /Owner has 1001 entries, at most 1000/],
    [`${'a.'.repeat(40)}a=1`, /has more than 16 parts/],
    [Array.from({ length: 10_001 }, (_, i) => `a${i}=`).join('&'), /has more than 10000 parameters/],
    ['__proto__=1', /The parameter __proto__ is not supported/],
  ];
  for (const [body, message] of cases) assert.throws(() => open(ec2, body).decode(input), { message });
});

test('JSON: types, and unknown members', () => {
  const { input } = SSM.get('GetParameters')!;
  assert.deepEqual(
    open(ssm, '{"Names":["a"],"WithDecryption":null,"Newer":1}', 'AmazonSSM.GetParameters').decode(input),
    {
      Names: ['a'],
    },
  );
  assert.equal(open(ssm, '{}', 'Logs_20140328.GetLogEvents').operation, undefined);
  assert.throws(() => open(ssm, '{"Names":"a"}', 'AmazonSSM.GetParameters').decode(input), {
    code: 'SerializationException',
    message: /'Names' is not valid. It must be a list/,
  });
});

test('responses and errors', () => {
  const { output } = EC2.get('DescribeImages')!;
  const { body } = ec2.answer(
    'DescribeImages',
    output,
    { Images: [{ ImageId: 'ami-1', Name: 'a<b', Public: false }] },
    'id',
  );
  assert.equal(
    body,
    '<DescribeImagesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>id</requestId><imagesSet>' +
      '<item><name>a&#60;b</name><imageId>ami-1</imageId><isPublic>false</isPublic></item></imagesSet>' +
      '</DescribeImagesResponse>\n',
  );
  const error = new ServiceError('InvalidAMIID.NotFound', 'The image id is not there');
  assert.deepEqual(ec2.refusal(error, 'id').body.match(/<(Code|RequestID)>[^<]*/g), [
    '<Code>InvalidAMIID.NotFound',
    '<RequestID>id',
  ]);
  assert.deepEqual(JSON.parse(ssm.refusal(error, 'id').body), {
    __type: 'InvalidAMIID.NotFound',
    message: 'The image id is not there',
  });
  assert.match(
    ec2.unknownOperation('RunInstances', ['DescribeImages'], 'Amazon EC2').message,
    /RunInstances.*DescribeImages/,
  );
});
