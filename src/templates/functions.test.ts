/** Intrinsic functions and their faults. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveResource, type Surroundings } from './template.ts';
import { planOf, requestOf, faultsOf, describing } from '../../test/harness/template-plans.ts';

describe('functions', () => {
  const parameters =
    "Parameters:\n  P: {Type: String, Default: pear}\n  L: {Type: CommaDelimitedList, Default: 'a, b,c'}\n  N: " +
    '{Type: Number, Default: 8}\n';
  const rows: readonly (readonly [string, unknown])[] = [
    ['plain', 'plain'],
    ['1.0', '1.0'],
    ['0777', '0777'],
    ['true', 'true'],
    ['!Ref P', 'pear'],
    ['{Ref: P}', 'pear'],
    ['!Ref N', '8'],
    ['!Ref C', 'arn:of/C'],
    ['!GetAtt C.Arn', 'arn:of/C'],
    ['!GetAtt [C, Name]', 'c'],
    ['{"Fn::GetAtt": [C, Arn]}', 'arn:of/C'],
    ['!Sub "${P} and ${C.Name} of ${C}"', 'pear and c of arn:of/C'],
    ['!Sub "${!P} costs $5 {{ x }} ${ P }"', '${P} costs $5 {{ x }} pear'],
    ['!Sub ["${V}-${P}", {V: !Ref C}]', 'arn:of/C-pear'],
    [
      '!Sub "arn:${AWS::Partition}:x:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}.${AWS::URLSuffix}"',
      'arn:aws:x:us-east-1:123456789012:web.amazonaws.com',
    ],
    ['!Join ["-", [x, !Ref P, 3]]', 'x-pear-3'],
    ['!Join ["", !Ref L]', 'abc'],
    ['!Join ["", []]', ''],
    ['!Ref AWS::NoValue', undefined],
  ];
  for (const [written, expected] of rows) {
    test(written, () => {
      if (expected === '') assert.match(faultsOf(describing(written, parameters))[0]!, /has 0 characters/);
      else assert.equal(requestOf(describing(written, parameters))['description'], expected);
    });
  }
});

describe('faults of functions', () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ['!Ref Nope', /^10:25 Resources\.R\.Properties\.Description: no parameter or resource is called 'Nope'/],
    ['!Ref CC', /did you mean 'C'\?/],
    ['!GetAtt C.Arm', /'C' has no attribute 'Arm'; did you mean 'Arn'\?/],
    ['!GetAtt C', /Fn::GetAtt takes a resource and an attribute/],
    ['!Sub "${Nope}"', /no parameter or resource is called 'Nope'/],
    ['!Sub "${a b}"', /not a valid name; for the text itself write \$\{!a b\}/],
    ['!Ref AWS::Regin', /unknown pseudo parameter AWS::Regin; did you mean 'AWS::Region'\?/],
    ['!If [a, b, c]', /no condition is called 'a'; the template has no section Conditions/],
    ['!If [a, b]', /!If takes \[condition, value if true, value if false\]/],
    ['{"Fn::FindInMap": [a, b, c]}', /no mapping is called 'a'/],
    ['{"Fn::FindInMap": [a, b]}', /takes \[map, top-level key, second-level key\]/],
    ['!Equals [a, b]', /!Equals belongs in the section Conditions/],
    ['{"Fn::Contains": [[a], b]}', /belongs in the section Rules/],
    ['!Select [3, [a]]', /no item 3: the list has 1 item/],
    ['!Select [x, [a]]', /takes \[index, list\]/],
    ['!Split [a]', /takes \[delimiter, string\]/],
    ['!Base64 [a]', /takes a string, found a list/],
    ['!Join ["", !Cidr [10.0.0.0/24, 300, 5]]', /the count 300 is not from 1 to 256/],
    ['!Join ["", !Cidr [10.0.0.0/24, 20, 5]]', /10\.0\.0\.0\/24 has 8 networks with 5 bits for hosts, not 20/],
    ['!Join ["", !Cidr [10.0.0.0/33, 2, 5]]', /takes \[network, count, bits of a host\]/],
    ['!ImportValue Other', /no stack exports 'Other': .*--import Other=VALUE/],
    ['{"Fn::Length": [a]}', /Fn::Length needs the line 'Transform: AWS::LanguageExtensions'/],
    ['{"Fn::ForEach::A": [I, [a], {"x": y}]}', /Fn::ForEach needs the line/],
    ['{"Fn::Transform": {Name: MyMacro}}', /the macro 'MyMacro' runs in AWS and not here/],
    ['~', /null is not allowed/],
    ['{"Fn::Sub": }', /Fn::Sub has no argument/],
    ['!Sbu x', /unknown function !Sbu; did you mean '!Sub'\?/],
    ['{Ref: C, Other: x}', /expected a string, found a map/],
    ['{"Fn::Sub": x, Other: x}', /has other keys beside it/],
    ['!Join [",", x]', /takes \[delimiter, list\]/],
    ['[x]', /expected a string, found a list/],
  ];
  for (const [written, expected] of rows)
    test(written, () => assert.match(faultsOf(describing(written)).join('\n'), expected));
});

describe('more functions', () => {
  const before = `
Transform: AWS::LanguageExtensions
Parameters:
  P: {Type: String, Default: pear}
  L: {Type: CommaDelimitedList, Default: 'a, b,c'}
  Zones: {Type: 'List<AWS::EC2::AvailabilityZone::Name>', Default: 'us-east-1a,us-east-1b'}
  Stored: {Type: 'AWS::SSM::Parameter::Value<CommaDelimitedList>', Default: /list}
Mappings:
  M: {us-east-1: {a: one, list: [x, y]}, pear: {'8': eight}}
Conditions:
  Yes: !Equals [!Ref P, pear]
  No: {"Fn::Not": [{Condition: Yes}]}
  Either: !Or [Condition: No, !Condition Yes]
  Both: !And [!Condition Yes, !Equals [a, !Select [0, !Ref L]]]
  Mapped: !Equals [!FindInMap [M, !Ref P, 8], eight]
`;
  const rows: readonly (readonly [string, unknown])[] = [
    ['!If [Yes, a, b]', 'a'],
    ['!If [No, a, b]', 'b'],
    ['!If [Either, a, b]', 'a'],
    ['!If [Both, a, b]', 'a'],
    ['!If [Mapped, a, b]', 'a'],
    ['{"Fn::If": [No, a, {Ref: AWS::NoValue}]}', undefined],
    ['!If [Yes, a, !FindInMap [M, x, y]]', 'a'],
    ['!FindInMap [M, !Ref AWS::Region, a]', 'one'],
    ['!Join ["", !FindInMap [M, us-east-1, list]]', 'xy'],
    ['!FindInMap [M, nope, a, {DefaultValue: fallback}]', 'fallback'],
    ['!Select [1, !Ref L]', 'b'],
    ['!Select ["2", !Split ["-", a-b-c]]', 'c'],
    ['!Select [0, !GetAZs ""]', 'us-east-1a'],
    ['!Select [1, {"Fn::GetAZs": !Ref AWS::Region}]', 'us-east-1b'],
    ['!Join [",", !Ref Zones]', 'us-east-1a,us-east-1b'],
    ['!Join ["-", !Ref Stored]', 'k-l'],
    ['{"Fn::Base64": !Sub "${P}"}', 'cGVhcg=='],
    ['!Join [" ", !Cidr [192.168.0.0/24, 3, 5]]', '192.168.0.0/27 192.168.0.32/27 192.168.0.64/27'],
    ['!Select [1, !Cidr ["2001:db8::/56", 2, 64]]', '2001:db8:0:1::/64'],
    ['!ImportValue {"Fn::Sub": "${P}-out"}', 'value of pear-out'],
    ['!Sub ["${A}/${AWS::StackName}/${!B}", {A: !Select [0, !Ref L]}]', 'a/web/${B}'],
    ['!GetAtt [C, !Join ["", [A, rn]]]', 'arn:of/C'],
    ['!GetAtt C.LatestVersion.Major', 'arn:of/C/major'],
    ['{"Fn::Length": !Ref L}', '3'],
    ['{"Fn::ToJsonString": {a: [1, "2", true], b: !Ref P}}', '{"a":[1,"2",true],"b":"pear"}'],
    ['!Join ["", !Ref AWS::NotificationARNs, ]', undefined],
    ['!Select [5, !Split [":", !Ref AWS::StackId]]', 'stack/web/'],
    ['"{{resolve:ssm:/list}}!"', 'k,l!'],
    ['"{{resolve:secretsmanager:/list}}"', '{{resolve:secretsmanager:/list}}'],
  ];
  const surroundings: Surroundings = {
    exportValue: (name) => `value of ${name}`,
    parameterValue: (name) => (name === '/list' ? 'k,l' : undefined),
  };
  for (const [written, expected] of rows) {
    test(written, () => {
      const plan = () => planOf(describing(written, before), {}, surroundings);
      if (written.includes('NotificationARNs')) return assert.throws(plan, /has 0 characters/);
      const made = plan();
      const answers = { ref: 'arn:of/C', attributes: { Arn: 'arn:of/C', 'LatestVersion.Major': 'arn:of/C/major' } };
      const request = resolveResource(
        made,
        made.resources.find(({ logicalId }) => logicalId === 'R')!,
        new Map([['C', answers]]),
      );
      const { description } = request;
      if (written.includes('StackId')) assert.ok(String(description).startsWith(String(expected)), String(description));
      else assert.equal(description, expected);
    });
  }
});
