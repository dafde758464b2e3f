/** The section Rules: conditions on the parameters. */
import { isTrue, type ValueTest } from './conditions.ts';
import { type Faults, suggestion } from './faults.ts';
import { describe, type CallNode, type MapNode, type TemplateNode, type Value } from './nodes.ts';
import type { TemplateParameter } from './parameters.ts';
import type { CallEvaluator, Scope } from './scope.ts';

const RULE_KEYS = ['Assertions', 'RuleCondition'];
const ASSERTION_KEYS = ['Assert', 'AssertDescription'];

/** Texts of a value or a list of values, or `undefined` if any is unknown. */
function textsOf(value: Value): readonly string[] | undefined {
  if (value.kind === 'scalar') return [value.text];
  if (value.kind !== 'list') return undefined;
  const texts: string[] = [];
  for (const item of value.items) {
    // A list of lists is flattened: a list parameter among others.
    const inner = textsOf(item);
    if (inner === undefined) return undefined;
    texts.push(...inner);
  }
  return texts;
}

function compare(test: (left: readonly string[], right: readonly string[]) => boolean): ValueTest {
  return ([left, right]) => {
    const [a, b] = [textsOf(left!), textsOf(right!)];
    return a === undefined || b === undefined ? undefined : test(a, b);
  };
}

const TESTS: ReadonlyMap<string, ValueTest> = new Map([
  ['Fn::Contains', compare((list, [value]) => value !== undefined && list.includes(value))],
  ['Fn::EachMemberEquals', compare((list, [value]) => list.every((each) => each === value))],
  [
    'Fn::EachMemberIn',
    compare((list, among) => {
      const set = new Set(among);
      return list.every((each) => set.has(each));
    }),
  ],
]);

/** Evaluates the section; a false assertion is a fault with its own description. */
export function checkRules(
  section: TemplateNode | undefined,
  parameters: ReadonlyMap<string, TemplateParameter>,
  scope: Scope,
  faults: Faults,
): void {
  if (section === undefined) return;
  if (section.kind !== 'map') {
    faults.add('wrong-type', section.position, 'Rules', `expected a map, found ${describe(section)}`);
    return;
  }
  const inside: Scope = { ...scope, resources: new Map(), more: parameterFunctions(parameters) };
  for (const [name, entry] of section.entries) {
    const path = `Rules.${name}`;
    if (entry.value.kind !== 'map')
      faults.add('wrong-type', entry.value.position, path, `expected a map, found ${describe(entry.value)}`);
    else checkRule(entry.value, path, inside, faults);
  }
}

function checkRule(rule: MapNode, path: string, scope: Scope, faults: Faults): void {
  refuseOtherKeys(rule, RULE_KEYS, path, 'rule', faults);
  const condition = rule.entries.get('RuleCondition')?.value;
  const applies = condition === undefined || isTrue(condition, `${path}.RuleCondition`, scope, faults, TESTS);
  const assertions = rule.entries.get('Assertions')?.value;
  if (assertions?.kind !== 'list') {
    faults.add('missing', assertions?.position ?? rule.position, path, 'a rule needs Assertions, a list');
    return;
  }
  for (const [index, assertion] of assertions.items.entries()) {
    const at = `${path}.Assertions[${index}]`;
    const assert = assertion.kind === 'map' ? assertion.entries.get('Assert') : undefined;
    if (assertion.kind !== 'map' || assert === undefined) {
      faults.add('missing', assertion.position, at, 'an assertion needs Assert');
      continue;
    }
    refuseOtherKeys(assertion, ASSERTION_KEYS, at, 'assertion', faults);
    const holds = isTrue(assert.value, `${at}.Assert`, scope, faults, TESTS);
    if (applies !== true || holds !== false) continue;
    const description = assertion.entries.get('AssertDescription')?.value;
    const words = description?.kind === 'scalar' ? description.text : 'the assertion is false';
    faults.add('rule-failed', assertion.position, at, words);
  }
}

function refuseOtherKeys(map: MapNode, known: readonly string[], path: string, what: string, faults: Faults): void {
  for (const [key, entry] of map.entries) {
    if (!known.includes(key))
      faults.add(
        'unknown-property',
        entry.position,
        `${path}.${key}`,
        `unknown key of a ${what}${suggestion(key, known)}`,
      );
  }
}

/** Attributes that AWS knows of a parameter's value, besides tags. */
const ATTRIBUTES: ReadonlyMap<string, readonly string[]> = new Map([
  ['AWS::EC2::VPC::Id', ['DefaultNetworkAcl', 'DefaultSecurityGroup']],
  ['AWS::EC2::Subnet::Id', ['AvailabilityZone', 'VpcId']],
  ['AWS::EC2::SecurityGroup::Id', []],
]);

/** Functions that only rules have: the values of parameters by type, and their attributes on AWS. */
function parameterFunctions(parameters: ReadonlyMap<string, TemplateParameter>): ReadonlyMap<string, CallEvaluator> {
  const refAll = (call: CallNode, path: string, scope: Scope, faults: Faults): Value | undefined => {
    if (call.argument.kind !== 'scalar') {
      faults.add('wrong-type', call.argument.position, path, `${call.written} takes the type of a parameter`);
      return undefined;
    }
    const { text } = call.argument;
    const items: Value[] = [];
    for (const [name, { type }] of parameters) {
      if (type !== text && type !== `List<${text}>`) continue;
      items.push(scope.parameters.get(name) ?? { kind: 'unknown', position: call.position });
    }
    return { kind: 'list', items, position: call.position };
  };
  // Only AWS knows the attribute of a subnet or a VPC: the assertion is neither true nor false here.
  const valueOf = (call: CallNode, path: string, _scope: Scope, faults: Faults): Value => {
    const unknown: Value = { kind: 'unknown', position: call.position };
    const [of, attribute] = call.argument.kind === 'list' ? call.argument.items : [];
    if (of?.kind !== 'scalar' || attribute?.kind !== 'scalar') {
      const what = call.name === 'Fn::ValueOf' ? 'name' : 'type';
      const message = `${call.written} takes [${what} of a parameter, attribute]`;
      faults.add('wrong-type', call.argument.position, path, message);
      return unknown;
    }
    const type = call.name === 'Fn::ValueOf' ? parameters.get(of.text)?.type : of.text;
    if (type === undefined) {
      const near = suggestion(of.text, [...parameters.keys()]);
      faults.add('unknown-reference', of.position, path, `no parameter is called '${of.text}'${near}`);
      return unknown;
    }
    const attributes = ATTRIBUTES.get(type.replace(/^List<(.*)>$/, '$1'));
    if (attributes === undefined) {
      const known = [...ATTRIBUTES.keys()].join(', ');
      const message = `${call.written} knows attributes of ${known}, not of ${type}`;
      faults.add('wrong-type', of.position, path, message);
    } else if (!attributes.includes(attribute.text) && !/^Tags\../.test(attribute.text)) {
      const near = suggestion(attribute.text, [...attributes, 'Tags.KEY']);
      faults.add('unknown-attribute', attribute.position, path, `${type} has no attribute '${attribute.text}'${near}`);
    }
    return unknown;
  };
  return new Map<string, CallEvaluator>([
    ['Fn::RefAll', refAll],
    ['Fn::ValueOf', valueOf],
    ['Fn::ValueOfAll', valueOf],
  ]);
}
