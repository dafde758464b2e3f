/** Evaluates intrinsic functions: Ref, Fn::GetAtt, Fn::Sub, Fn::Join. */
import type { Position } from '../documents/position.ts';
import { type Faults, suggestion } from './faults.ts';
import { describe, type CallNode, type ListNode, type ScalarNode, type TemplateNode, type Value } from './nodes.ts';

/** What `AWS::…` stands for. */
export interface PseudoParameters {
  readonly region: string;
  readonly accountId: string;
  readonly partition: string;
  readonly stackName: string;
  /** `AWS::StackId`; made from the stack's name when absent. */
  readonly stackId?: string;
  /** `AWS::NotificationARNs` (default: none). */
  readonly notificationArns?: readonly string[];
}

/** What a template may ask of the world around it. Both answer at once: the caller has asked the server before. */
export interface Surroundings {
  /** The value of an export of another stack, for `Fn::ImportValue`. */
  readonly exportValue?: (name: string) => string | undefined;
  /** The value of a parameter of Systems Manager, by name, for `AWS::SSM::Parameter::Value<…>`. */
  readonly parameterValue?: (name: string) => string | undefined;
}

/** What a resource that exists answers to `Ref` and `Fn::GetAtt`. */
export interface ResourceAttributes {
  readonly ref: string;
  /** Attribute's name (`Arn`, `ImageId`) to its value. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** What names mean while a template is evaluated. */
export interface Scope {
  readonly parameters: ReadonlyMap<string, Value>;
  /** Names of all declared parameters, those without a usable value included: they were complained about already. */
  readonly declared: ReadonlySet<string>;
  readonly pseudo: PseudoParameters;
  /** Logical ids of the template with the attributes that their types have. */
  readonly resources: ReadonlyMap<string, readonly string[]>;
  /** Answers of resources that exist; a resource without an entry is unknown yet. */
  readonly known: ReadonlyMap<string, ResourceAttributes>;
}

const PSEUDO_NAMES = [
  'AWS::AccountId',
  'AWS::NoValue',
  'AWS::Partition',
  'AWS::Region',
  'AWS::StackName',
  'AWS::URLSuffix',
];
const LATER_PSEUDO_NAMES = ['AWS::NotificationARNs', 'AWS::StackId'];

/**
 * Evaluates a value.
 * @returns the value, or `undefined` when it is `AWS::NoValue` or could not be evaluated (the fault is in `faults`)
 */
export function evaluate(node: TemplateNode, path: string, scope: Scope, faults: Faults): Value | undefined {
  if (node.kind === 'scalar') return node;
  if (node.kind === 'call') return evaluateCall(node, path, scope, faults);
  if (node.kind === 'list') {
    const items: Value[] = [];
    for (const [index, item] of node.items.entries()) {
      const value = evaluate(item, `${path}[${index}]`, scope, faults);
      if (value !== undefined) items.push(value);
    }
    return { kind: 'list', items, position: node.position };
  }
  const entries = new Map<string, { position: Position; value: Value }>();
  for (const [key, entry] of node.entries) {
    const value = evaluate(entry.value, `${path}.${key}`, scope, faults);
    if (value !== undefined) entries.set(key, { position: entry.position, value });
  }
  return { kind: 'map', entries, position: node.position };
}

function evaluateCall(call: CallNode, path: string, scope: Scope, faults: Faults): Value | undefined {
  switch (call.name) {
    case 'Ref': {
      if (call.argument.kind === 'scalar') return reference(call.argument.text, call.position, path, scope, faults);
      faults.add('wrong-type', call.argument.position, path, `Ref takes a name, found ${describe(call.argument)}`);
      return undefined;
    }
    case 'Fn::GetAtt':
      return getAtt(call, path, scope, faults);
    case 'Fn::Sub':
      return sub(call, path, scope, faults);
    case 'Fn::Join':
      return join(call, path, scope, faults);
  }
}

function text(value: string, position: Position): ScalarNode {
  return { kind: 'scalar', value, text: value, position };
}

/** Gives a parameter's value the place where it is used, so that a complaint points there. */
function placed(value: Value, position: Position): Value {
  return { ...value, position };
}

function reference(name: string, position: Position, path: string, scope: Scope, faults: Faults): Value | undefined {
  if (name === 'AWS::NoValue') return undefined;
  if (name.startsWith('AWS::')) return pseudo(name, position, path, scope, faults);
  const parameter = scope.parameters.get(name);
  if (parameter !== undefined) return placed(parameter, position);
  if (scope.declared.has(name)) return { kind: 'unknown', position };
  if (scope.resources.has(name)) {
    const known = scope.known.get(name);
    return known === undefined ? { kind: 'unknown', position } : text(known.ref, position);
  }
  faults.add(
    'unknown-reference',
    position,
    path,
    `nothing is called '${name}'${suggestion(name, [...scope.declared, ...scope.resources.keys(), ...PSEUDO_NAMES])}`,
  );
  return undefined;
}

function pseudo(name: string, position: Position, path: string, scope: Scope, faults: Faults): Value | undefined {
  switch (name) {
    case 'AWS::Region':
      return text(scope.pseudo.region, position);
    case 'AWS::AccountId':
      return text(scope.pseudo.accountId, position);
    case 'AWS::Partition':
      return text(scope.pseudo.partition, position);
    case 'AWS::StackName':
      return text(scope.pseudo.stackName, position);
    case 'AWS::URLSuffix':
      return text(scope.pseudo.partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com', position);
  }
  if (LATER_PSEUDO_NAMES.includes(name))
    faults.add(
      'not-supported',
      position,
      path,
      `the pseudo parameter ${name} is not supported yet (${PSEUDO_NAMES.join(', ')} are)`,
    );
  else
    faults.add(
      'unknown-reference',
      position,
      path,
      `unknown pseudo parameter ${name}${suggestion(name, PSEUDO_NAMES)}`,
    );
  return undefined;
}

function attribute(
  id: string,
  name: string,
  position: Position,
  path: string,
  scope: Scope,
  faults: Faults,
): Value | undefined {
  const attributes = scope.resources.get(id);
  if (attributes === undefined) {
    faults.add(
      'unknown-reference',
      position,
      path,
      `no resource is called '${id}'${suggestion(id, [...scope.resources.keys()])}`,
    );
    return undefined;
  }
  if (!attributes.includes(name)) {
    faults.add(
      'unknown-attribute',
      position,
      path,
      `'${id}' has no attribute '${name}'${suggestion(name, attributes)}`,
    );
    return undefined;
  }
  const known = scope.known.get(id);
  if (known === undefined) return { kind: 'unknown', position };
  const value = known.attributes[name];
  if (value !== undefined) return text(value, position);
  faults.add('unknown-attribute', position, path, `'${id}' has no value for its attribute '${name}'`);
  return undefined;
}

/** Id and attribute of a `Fn::GetAtt`, in any of its forms. */
function getAttTarget(argument: TemplateNode): { readonly id: string; readonly name: string } | undefined {
  if (argument.kind === 'scalar') return splitAttribute(argument.text);
  if (
    argument.kind !== 'list' ||
    argument.items.length !== 2 ||
    !argument.items.every((item) => item.kind === 'scalar')
  )
    return undefined;
  const [id, name] = argument.items as [ScalarNode, ScalarNode];
  return { id: id.text, name: name.text };
}

function splitAttribute(written: string): { readonly id: string; readonly name: string } | undefined {
  const dot = written.indexOf('.');
  return dot < 1 || dot === written.length - 1
    ? undefined
    : { id: written.slice(0, dot), name: written.slice(dot + 1) };
}

function getAtt(call: CallNode, path: string, scope: Scope, faults: Faults): Value | undefined {
  const target = getAttTarget(call.argument);
  if (target !== undefined) return attribute(target.id, target.name, call.position, path, scope, faults);
  faults.add(
    'wrong-type',
    call.argument.position,
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

/** `${Name}`, `${Resource.Attribute}`; `${!Literal}` has the `!` in its name. */
const VARIABLE = /\$\{([^{}]*)\}/g;

/** Names in a `Fn::Sub` template that stand for something. */
function subNames(template: string): string[] {
  return [...template.matchAll(VARIABLE)]
    .map((match) => match[1]!)
    .filter((name) => !name.startsWith('!'))
    .map((name) => name.trim());
}

function sub(call: CallNode, path: string, scope: Scope, faults: Faults): Value | undefined {
  const parts = subParts(call.argument);
  if (parts === undefined) {
    faults.add('wrong-type', call.argument.position, path, 'Fn::Sub takes a string, or [string, map of variables]');
    return undefined;
  }
  const variables = new Map<string, Value | undefined>();
  for (const [name, node] of parts.variables) variables.set(name, evaluate(node, `${path}.${name}`, scope, faults));
  let unknown = false;
  const result = parts.template.text.replace(VARIABLE, (whole, inner: string) => {
    if (inner.startsWith('!')) return `\${${inner.slice(1)}}`;
    const name = inner.trim();
    const value = variables.has(name) ? variables.get(name) : subVariable(name, call.position, path, scope, faults);
    if (value === undefined || value.kind === 'unknown') {
      unknown = true;
      return '';
    }
    if (value.kind === 'scalar') return value.text;
    faults.add('wrong-type', call.position, path, `${whole} in Fn::Sub is ${describe(value)}: a string was expected`);
    return '';
  });
  return unknown ? { kind: 'unknown', position: call.position } : text(result, call.position);
}

function subVariable(name: string, position: Position, path: string, scope: Scope, faults: Faults): Value | undefined {
  if (!/^[A-Za-z0-9:.]+$/.test(name)) {
    faults.add(
      'unknown-reference',
      position,
      path,
      `\${${name}} in Fn::Sub is not a valid name; for the text itself write \${!${name}}`,
    );
    return undefined;
  }
  if (name === 'AWS::NoValue') {
    faults.add('invalid-value', position, path, 'AWS::NoValue cannot stand in a string');
    return undefined;
  }
  const target = name.startsWith('AWS::') ? undefined : splitAttribute(name);
  return target === undefined
    ? reference(name, position, path, scope, faults)
    : attribute(target.id, target.name, position, path, scope, faults);
}

function join(call: CallNode, path: string, scope: Scope, faults: Faults): Value | undefined {
  const argument = call.argument;
  const [delimiter, list] = argument.kind === 'list' && argument.items.length === 2 ? argument.items : [];
  if (delimiter?.kind !== 'scalar' || list === undefined || (list.kind !== 'list' && list.kind !== 'call')) {
    faults.add('wrong-type', argument.position, path, 'Fn::Join takes [delimiter, list]');
    return undefined;
  }
  const values = evaluate(list as ListNode | CallNode, path, scope, faults);
  if (values === undefined || values.kind === 'unknown') return values;
  if (values.kind !== 'list') {
    faults.add('wrong-type', list.position, path, `Fn::Join joins a list, found ${describe(values)}`);
    return undefined;
  }
  const texts: string[] = [];
  let unknown = false;
  for (const item of values.items) {
    if (item.kind === 'unknown') unknown = true;
    else if (item.kind === 'scalar') texts.push(item.text);
    else faults.add('wrong-type', item.position, path, `Fn::Join joins strings, found ${describe(item)}`);
  }
  return unknown ? { kind: 'unknown', position: call.position } : text(texts.join(delimiter.text), call.position);
}

/** Every name that a value refers to, pseudo parameters aside; a `Fn::Sub`'s own variables are not references. */
export function referencesOf(node: TemplateNode): ReadonlySet<string> {
  const names = new Set<string>();
  collect(node, names);
  return names;
}

function collect(node: TemplateNode, names: Set<string>): void {
  if (node.kind === 'list') for (const item of node.items) collect(item, names);
  if (node.kind === 'map') for (const entry of node.entries.values()) collect(entry.value, names);
  if (node.kind !== 'call') return;
  if (node.name === 'Ref' && node.argument.kind === 'scalar') names.add(node.argument.text);
  if (node.name === 'Fn::GetAtt') {
    const target = getAttTarget(node.argument);
    if (target !== undefined) names.add(target.id);
  }
  if (node.name === 'Fn::Join') collect(node.argument, names);
  if (node.name === 'Fn::Sub') {
    const parts = subParts(node.argument);
    for (const value of parts?.variables.values() ?? []) collect(value, names);
    for (const name of subNames(parts?.template.text ?? ''))
      if (!parts!.variables.has(name)) names.add(name.startsWith('AWS::') ? name : name.split('.')[0]!);
  }
}
