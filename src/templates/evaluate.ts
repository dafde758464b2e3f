/** Evaluates a value of a template with its functions. */
import type { Position } from '../documents/position.ts';
import { Faults, suggestion } from './faults.ts';
import { attributeOfForeign, nameOfForeign } from './foreign.ts';
import { EXTENSION_FUNCTIONS, INCLUDE, MAX_TEXT, needsExtensions, tooLong, VALUE_FUNCTIONS } from './functions.ts';
import { loopsOf } from './loops.ts';
import {
  describe,
  textAt,
  type CallNode,
  type MapEntry,
  type MapNode,
  type ScalarNode,
  type TemplateNode,
  type Value,
} from './nodes.ts';
import { pseudoParameter, PSEUDO_NAMES } from './pseudo.ts';
import type { CallEvaluator, Scope } from './scope.ts';

/**
 * Evaluates a value.
 * @returns the value, or `undefined` if it is `AWS::NoValue` or could not be evaluated (the fault is in `faults`)
 */
export function evaluate(node: TemplateNode, path: string, scope: Scope, faults: Faults): Value | undefined {
  switch (node.kind) {
    case 'scalar':
      return node;
    case 'null':
      faults.add('wrong-type', node.position, path, NULL_FAULT);
      return undefined;
    case 'call':
      return evaluateCall(node, path, scope, faults);
    case 'list': {
      const items: Value[] = [];
      for (const [index, item] of node.items.entries()) {
        const value = evaluate(item, `${path}[${index}]`, scope, faults);
        if (value !== undefined) items.push(value);
      }
      return { kind: 'list', items, position: node.position };
    }
    case 'map': {
      const entries = new Map<string, { position: Position; value: Value }>();
      for (const [key, entry] of entriesOf(node, path, scope, faults)) {
        const value = evaluate(entry.value, `${path}.${key}`, scope, faults);
        if (value !== undefined) entries.set(key, { position: entry.position, value });
      }
      return { kind: 'map', entries, position: node.position };
    }
  }
}

/** The advice for a key without a value. */
export const NULL_FAULT = 'null is not allowed in a template: leave the key out, or use !Ref AWS::NoValue';

/** The entries of a map, with its loops expanded. A function beside other keys is a fault. */
export function entriesOf(node: MapNode, path: string, scope: Scope, faults: Faults): [string, MapEntry][] {
  const evaluateHere = (each: TemplateNode): Value | undefined => evaluate(each, path, scope, faults);
  return loopsOf(node, path, scope, faults, evaluateHere).filter(([key, entry]) => {
    if (!key.startsWith('Fn::')) return true;
    faults.add(
      'syntax',
      entry.position,
      `${path}.${key}`,
      `the function ${key} has other keys beside it: a function must be the only key of its map`,
    );
    return false;
  });
}

const SCOPE_FUNCTIONS: ReadonlyMap<string, CallEvaluator> = new Map<string, CallEvaluator>([
  ['Ref', ref],
  ['Fn::GetAtt', getAtt],
  ['Fn::Sub', sub],
  ['Fn::If', choose],
  ['Fn::Transform', transform],
]);

/** Functions that return true or false, for conditions and rules. */
const CONDITION_FUNCTIONS = ['Condition', 'Fn::And', 'Fn::Equals', 'Fn::Not', 'Fn::Or'];
const RULE_FUNCTIONS = [
  'Fn::Contains',
  'Fn::EachMemberEquals',
  'Fn::EachMemberIn',
  'Fn::RefAll',
  'Fn::ValueOf',
  'Fn::ValueOfAll',
];

function evaluateCall(call: CallNode, path: string, scope: Scope, faults: Faults): Value | undefined {
  if (call.argument.kind === 'null') {
    faults.add('wrong-type', call.position, path, `${call.written} has no argument`);
    return undefined;
  }
  const special = SCOPE_FUNCTIONS.get(call.name) ?? scope.more?.get(call.name);
  if (special !== undefined) return special(call, path, scope, faults);
  const work = VALUE_FUNCTIONS.get(call.name);
  if (work === undefined) return refuseFunction(call, path, faults);
  const at = { name: call.name, position: call.position, path, scope, faults };
  if (EXTENSION_FUNCTIONS.includes(call.name) && !scope.extensions) return needsExtensions(at, call.name);
  const before = faults.all.length;
  const argument = evaluate(call.argument, path, scope, faults);
  // An invalid argument is reported where it is; the function that contains it is not reported as well.
  if (faults.all.length > before && argument?.kind !== 'unknown' && call.name !== 'Fn::FindInMap')
    return { kind: 'unknown', position: call.position };
  if (argument === undefined) {
    faults.add('wrong-type', call.position, path, `the argument of ${call.written} is AWS::NoValue`);
    return undefined;
  }
  return work(argument, at);
}

function refuseFunction(call: CallNode, path: string, faults: Faults): undefined {
  const known = [...SCOPE_FUNCTIONS.keys(), ...VALUE_FUNCTIONS.keys(), ...CONDITION_FUNCTIONS];
  const names = known.map((name) => (call.written.startsWith('!') ? `!${name.replace('Fn::', '')}` : name));
  if (CONDITION_FUNCTIONS.includes(call.name))
    faults.add(
      'not-supported',
      call.position,
      path,
      `${call.written} belongs in the section Conditions: name a condition there, and use it with Fn::If`,
    );
  else if (RULE_FUNCTIONS.includes(call.name))
    faults.add('not-supported', call.position, path, `${call.written} belongs in the section Rules`);
  else {
    const near = suggestion(call.written, names);
    const nearest = near.startsWith('; did') ? near : '';
    faults.add('not-supported', call.position, path, `unknown function ${call.written}${nearest}`);
  }
  return undefined;
}

/** Gives a value the position where it is used, for messages. */
function placed(value: Value, position: Position): Value {
  return { ...value, position };
}

function ref(call: CallNode, path: string, scope: Scope, faults: Faults): Value | undefined {
  if (call.argument.kind === 'scalar') return reference(call.argument.text, call.position, path, scope, faults);
  faults.add('wrong-type', call.argument.position, path, `Ref takes a name, found ${describe(call.argument)}`);
  return undefined;
}

/** @param advice about what an unknown name may have meant */
function reference(
  name: string,
  position: Position,
  path: string,
  scope: Scope,
  faults: Faults,
  advice = '',
): Value | undefined {
  if (name === 'AWS::NoValue') return undefined;
  if (name.startsWith('AWS::')) return pseudoParameter(name, position, path, scope.pseudo, faults);
  const parameter = scope.parameters.get(name);
  if (parameter !== undefined) return placed(parameter, position);
  if (scope.declared.has(name)) return { kind: 'unknown', position };
  const named = scope.resources.get(name);
  if (named === undefined) {
    faults.add(
      'unknown-reference',
      position,
      path,
      `no parameter or resource is called '${name}'` +
        suggestion(name, [...scope.declared, ...scope.resources.keys(), ...PSEUDO_NAMES]) +
        advice,
    );
    // Not AWS::NoValue: the property exists, and no further fault follows.
    return { kind: 'unknown', position };
  }
  if (named.kind === 'off') return refuseOff(name, named.condition, position, path, faults);
  if (named.kind === 'foreign') return placed(foreign(name, undefined, scope), position);
  scope.trace?.add(name);
  const known = scope.known.get(name);
  return known === undefined ? { kind: 'unknown', position } : textAt(known.ref, position);
}

function refuseOff(name: string, condition: string, position: Position, path: string, faults: Faults): undefined {
  faults.add(
    'not-created',
    position,
    path,
    `the resource '${name}' is not created, because its condition ${condition} is false. ` +
      'Refer to it only in Fn::If with that condition',
  );
  return undefined;
}

/** The attribute of a resource of another service, without faults whatever its properties are. */
function foreign(id: string, attribute: string | undefined, scope: Scope): Value {
  const named = scope.resources.get(id)!;
  if (named.kind !== 'foreign') throw new Error(`${id} is made here`);
  const key = attribute === undefined ? id : `${id}.${attribute}`;
  const before = scope.names.get(key);
  if (before !== undefined) {
    for (const need of before.needs) scope.trace?.add(need);
    // A name that refers to itself is ignored: the resource gets a generated one.
    return before.value ?? textAt(nameOfForeign(id, named.type, scope.pseudo), named.properties?.position ?? NOWHERE);
  }
  // Beyond any reasonable nesting, a generated name is used.
  if (scope.budget.depth >= DEEPEST_NAMES) return textAt(nameOfForeign(id, named.type, scope.pseudo), NOWHERE);
  const needs = new Set<string>();
  scope.names.set(key, { value: undefined, needs });
  scope.budget.depth += 1;
  const inside: Scope = { ...scope, trace: needs };
  const property = (name: string): Value | undefined => {
    const node = named.properties?.entries.get(name)?.value;
    const quiet = new Faults();
    const value = node === undefined ? undefined : evaluate(node, '', inside, quiet);
    return quiet.all.length === 0 ? value : undefined;
  };
  const value = attributeOfForeign(id, named.type, attribute, property, scope.pseudo);
  scope.budget.depth -= 1;
  scope.names.set(key, { value, needs });
  for (const need of needs) scope.trace?.add(need);
  return value;
}

const DEEPEST_NAMES = 50;
const NOWHERE: Position = { line: 1, column: 1 };

function attribute(
  id: string,
  name: string,
  position: Position,
  path: string,
  scope: Scope,
  faults: Faults,
): Value | undefined {
  const named = scope.resources.get(id);
  if (named === undefined) {
    faults.add(
      'unknown-reference',
      position,
      path,
      `no resource is called '${id}'${suggestion(id, [...scope.resources.keys()])}`,
    );
    return { kind: 'unknown', position };
  }
  if (named.kind === 'off') return refuseOff(id, named.condition, position, path, faults);
  if (named.kind === 'foreign') return placed(foreign(id, name, scope), position);
  const { attributes } = named;
  if (!attributes.some((each) => each === name || (each.endsWith('.*') && name.startsWith(each.slice(0, -1))))) {
    faults.add(
      'unknown-attribute',
      position,
      path,
      `'${id}' has no attribute '${name}'${suggestion(name, attributes)}`,
    );
    return { kind: 'unknown', position };
  }
  scope.trace?.add(id);
  const known = scope.known.get(id);
  if (known === undefined) return { kind: 'unknown', position };
  const value = known.attributes[name];
  if (value !== undefined) return textAt(value, position);
  faults.add('unknown-attribute', position, path, `'${id}' has no value for its attribute '${name}'`);
  return undefined;
}

function splitAttribute(written: string): { readonly id: string; readonly name: string } | undefined {
  const dot = written.indexOf('.');
  return dot < 1 || dot === written.length - 1
    ? undefined
    : { id: written.slice(0, dot), name: written.slice(dot + 1) };
}

function getAtt(call: CallNode, path: string, scope: Scope, faults: Faults): Value | undefined {
  const { argument } = call;
  if (argument.kind === 'scalar') {
    const target = splitAttribute(argument.text);
    if (target !== undefined) return attribute(target.id, target.name, call.position, path, scope, faults);
  }
  if (argument.kind === 'list' && argument.items.length >= 2) {
    const parts = argument.items.map((item, index) => evaluate(item, `${path}[${index}]`, scope, faults));
    if (parts.every((part) => part?.kind === 'scalar')) {
      const [id, ...names] = parts.map((part) => (part as ScalarNode).text);
      return attribute(id!, names.join('.'), call.position, path, scope, faults);
    }
    if (parts.some((part) => part?.kind === 'unknown')) return { kind: 'unknown', position: call.position };
  }
  faults.add(
    'wrong-type',
    argument.position,
    path,
    'Fn::GetAtt takes a resource and an attribute: Resource.Arn, or [Resource, Arn]',
  );
  return undefined;
}

/** The template and the variables of a `Fn::Sub`, in either form. */
function subParts(
  argument: TemplateNode,
): { readonly template: ScalarNode; readonly variables: ReadonlyMap<string, TemplateNode> } | undefined {
  if (argument.kind === 'scalar') return { template: argument, variables: new Map() };
  if (argument.kind !== 'list' || argument.items.length !== 2) return undefined;
  const [template, variables] = argument.items as [TemplateNode, TemplateNode];
  if (template.kind !== 'scalar' || variables.kind !== 'map') return undefined;
  return { template, variables: new Map([...variables.entries].map(([name, entry]) => [name, entry.value])) };
}

/** `${Name}` and `${Resource.Attribute}`; for `${!Literal}` the `!` is in the name. */
const VARIABLE = /\$\{([^{}]*)\}/g;

function sub(call: CallNode, path: string, scope: Scope, faults: Faults): Value | undefined {
  const parts = subParts(call.argument);
  if (parts === undefined) {
    faults.add('wrong-type', call.argument.position, path, 'Fn::Sub takes a string, or [string, map of variables]');
    return undefined;
  }
  const variables = new Map<string, Value | undefined>();
  for (const [name, node] of parts.variables) variables.set(name, evaluate(node, `${path}.${name}`, scope, faults));
  const { text } = parts.template;
  const placeOf = placesIn(parts.template);
  let unknown = false;
  let sameLines = true;
  let result = '';
  let end = 0;
  for (const match of text.matchAll(VARIABLE)) {
    const inner = match[1]!;
    result += text.slice(end, match.index);
    end = match.index + match[0].length;
    if (inner.startsWith('!')) {
      result += `\${${inner.slice(1)}}`;
      continue;
    }
    const name = inner.trim();
    const at = placeOf(match.index) ?? call.position;
    const value = variables.has(name) ? variables.get(name) : subVariable(name, at, path, scope, faults);
    if (value === undefined || value.kind === 'unknown') unknown = true;
    else if (value.kind === 'scalar') {
      result += value.text;
      sameLines &&= !value.text.includes('\n');
    } else faults.add('wrong-type', at, path, `${match[0]} in Fn::Sub is ${describe(value)}: a string was expected`);
    if (result.length > MAX_TEXT) return tooLong({ faults, position: call.position, path, name: 'Fn::Sub' });
  }
  if (unknown) return { kind: 'unknown', position: call.position };
  const made = textAt(result + text.slice(end), call.position);
  return parts.template.start !== undefined && sameLines ? { ...made, start: parts.template.start } : made;
}

/** Positions of a text's characters in the file, queried in order, if its lines are lines of the file. */
function placesIn({ text, start }: ScalarNode): (offset: number) => Position | undefined {
  let line = 0;
  let begin = 0;
  return (offset) => {
    if (start === undefined) return undefined;
    for (let next = text.indexOf('\n', begin); next >= 0 && next < offset; next = text.indexOf('\n', begin)) {
      line += 1;
      begin = next + 1;
    }
    return { ...start, line: start.line + line, column: start.column + offset - begin };
  };
}

function subVariable(name: string, position: Position, path: string, scope: Scope, faults: Faults): Value | undefined {
  if (!/^[A-Za-z0-9_:.]+$/.test(name)) {
    faults.add(
      'unknown-reference',
      position,
      path,
      `\${${name}} in Fn::Sub is not a valid name; for the text itself write \${!${name}}`,
    );
    return undefined;
  }
  if (name === 'AWS::NoValue') {
    faults.add('invalid-value', position, path, 'AWS::NoValue cannot be used in a string');
    return undefined;
  }
  const target = name.startsWith('AWS::') ? undefined : splitAttribute(name);
  if (target !== undefined) return attribute(target.id, target.name, position, path, scope, faults);
  return reference(name, position, path, scope, faults, `; for the text itself write \${!${name}}`);
}

/** Fn::If. The branch that is not taken is not evaluated, but the names in it must exist. */
function choose(call: CallNode, path: string, scope: Scope, faults: Faults): Value | undefined {
  const { argument } = call;
  if (argument.kind !== 'list' || argument.items.length !== 3 || argument.items[0]!.kind !== 'scalar') {
    faults.add(
      'wrong-type',
      argument.position,
      path,
      `${call.written} takes [condition, value if true, value if false]`,
    );
    return undefined;
  }
  const [name, yes, no] = argument.items as [ScalarNode, TemplateNode, TemplateNode];
  const truth = conditionNamed(name.text, name.position, path, scope, faults);
  if (truth === 'unknown') {
    review(yes, path, scope, faults);
    review(no, path, scope, faults);
    return { kind: 'unknown', position: call.position };
  }
  review(truth ? no : yes, path, scope, faults);
  const value = evaluate(truth ? yes : no, path, scope, faults);
  return value;
}

/** The value of a condition; an undeclared one is a fault, and unknown. */
export function conditionNamed(
  name: string,
  position: Position,
  path: string,
  scope: Scope,
  faults: Faults,
): ReturnType<Scope['condition']> & {} {
  const truth = scope.condition(name);
  if (truth !== undefined) return truth;
  const known = scope.conditionNames;
  const none = known.length === 0 ? '; the template has no section Conditions' : suggestion(name, known);
  faults.add('unknown-reference', position, path, `no condition is called '${name}'${none}`);
  return 'unknown';
}

/** Faults of names and functions in parts that are not evaluated. */
function review(node: TemplateNode, path: string, scope: Scope, faults: Faults): void {
  if (node.kind === 'list') for (const item of node.items) review(item, path, scope, faults);
  if (node.kind === 'map') for (const entry of node.entries.values()) review(entry.value, path, scope, faults);
  if (node.kind !== 'call') return;
  const quiet: Scope = { ...scope, trace: new Set() };
  const found = new Faults();
  if (node.name === 'Ref' || node.name === 'Fn::GetAtt') evaluateCall(node, path, quiet, found);
  else if (node.name === 'Fn::Sub') {
    evaluateCall(node, path, quiet, found);
  } else if (SCOPE_FUNCTIONS.has(node.name) || VALUE_FUNCTIONS.has(node.name))
    review(node.argument, path, scope, faults);
  else evaluateCall(node, path, quiet, found);
  // In a branch that is not taken, a resource may be named that a condition leaves out.
  faults.all.push(...found.all.filter(({ code }) => code !== 'not-created'));
}

function transform(call: CallNode, path: string, _scope: Scope, faults: Faults): Value | undefined {
  const name = call.argument.kind === 'map' ? call.argument.entries.get('Name')?.value : undefined;
  // The failed inclusion was already reported.
  if (name?.kind === 'scalar' && name.text === INCLUDE) return { kind: 'unknown', position: call.position };
  const which = name?.kind === 'scalar' ? ` '${name.text}'` : '';
  faults.add(
    'not-supported',
    call.position,
    path,
    `the macro${which} runs in AWS and not here: write out what it makes (aws cloudformation get-template ` +
      '--template-stage Processed shows it)',
  );
  return undefined;
}
