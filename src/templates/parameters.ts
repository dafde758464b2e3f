/** The Parameters section: declarations, and the values a user gives. */
import type { Position } from '../documents/position.ts';
import { MATCH_MILLISECONDS, matchesInTime } from '../resources/timed-match.ts';
import { type Faults, suggestion } from './faults.ts';
import { describe, type MapNode, type ScalarNode, type TemplateNode, type Value } from './nodes.ts';

const TYPES = ['String', 'Number', 'CommaDelimitedList', 'List<Number>'] as const;
type ParameterType = (typeof TYPES)[number];

const ATTRIBUTES = [
  'Type',
  'Default',
  'Description',
  'AllowedValues',
  'AllowedPattern',
  'ConstraintDescription',
  'MinLength',
  'MaxLength',
  'MinValue',
  'MaxValue',
  'NoEcho',
];

/** One declared parameter. */
export interface TemplateParameter {
  readonly name: string;
  /** A type that is not supported yet is refused only where the parameter is used: what cdk adds is used by nothing. */
  readonly type: ParameterType | { readonly unsupported: string };
  readonly default?: string;
  readonly description?: string;
  readonly allowedValues?: readonly string[];
  readonly allowedPattern?: RegExp;
  readonly constraintDescription?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minValue?: number;
  readonly maxValue?: number;
  /** The value is not to be shown. */
  readonly noEcho: boolean;
  readonly position: Position;
}

/** Reads the declarations; what is wrong with them goes to `faults`. */
export function readParameters(
  section: TemplateNode | undefined,
  faults: Faults,
): ReadonlyMap<string, TemplateParameter> {
  const parameters = new Map<string, TemplateParameter>();
  if (section === undefined) return parameters;
  if (section.kind !== 'map') {
    faults.add('wrong-type', section.position, 'Parameters', `expected a map, found ${describe(section)}`);
    return parameters;
  }
  for (const [name, entry] of section.entries) {
    const path = `Parameters.${name}`;
    if (!/^[A-Za-z0-9]{1,255}$/.test(name))
      faults.add('invalid-value', entry.position, path, "a parameter's name is letters and digits");
    if (entry.value.kind !== 'map') {
      faults.add('wrong-type', entry.value.position, path, `expected a map, found ${describe(entry.value)}`);
      continue;
    }
    parameters.set(name, readParameter(name, entry.value, entry.position, path, faults));
  }
  return parameters;
}

function readParameter(
  name: string,
  map: MapNode,
  position: Position,
  path: string,
  faults: Faults,
): TemplateParameter {
  for (const [key, entry] of map.entries) {
    if (!ATTRIBUTES.includes(key))
      faults.add(
        'unknown-property',
        entry.position,
        `${path}.${key}`,
        `unknown attribute of a parameter${suggestion(key, ATTRIBUTES)}`,
      );
  }
  const scalar = (key: string): ScalarNode | undefined => {
    const node = map.entries.get(key)?.value;
    if (node === undefined || node.kind === 'scalar') return node;
    faults.add(
      'wrong-type',
      node.position,
      `${path}.${key}`,
      `expected a plain value (functions do not work in parameters), found ${describe(node)}`,
    );
    return undefined;
  };
  const number = (key: string): number | undefined => {
    const node = scalar(key);
    if (node === undefined || isNumeric(node.text)) return node === undefined ? undefined : Number(node.text);
    faults.add('wrong-type', node.position, `${path}.${key}`, `expected a number, found '${node.text}'`);
    return undefined;
  };

  const parameter: TemplateParameter = {
    name,
    type: readType(map, scalar('Type'), path, faults),
    default: scalar('Default')?.text,
    description: scalar('Description')?.text,
    allowedValues: readAllowedValues(map, path, faults),
    allowedPattern: readPattern(scalar('AllowedPattern'), path, faults),
    constraintDescription: scalar('ConstraintDescription')?.text,
    minLength: number('MinLength'),
    maxLength: number('MaxLength'),
    minValue: number('MinValue'),
    maxValue: number('MaxValue'),
    noEcho: scalar('NoEcho')?.text.toLowerCase() === 'true',
    position,
  };
  if (parameter.default !== undefined) {
    const problem = problemWith(parameter, parameter.default);
    if (problem !== undefined)
      faults.add('invalid-value', map.entries.get('Default')!.value.position, `${path}.Default`, problem);
  }
  return parameter;
}

function readType(map: MapNode, node: ScalarNode | undefined, path: string, faults: Faults): TemplateParameter['type'] {
  if (node === undefined) {
    if (!map.entries.has('Type'))
      faults.add('missing', map.position, path, `a parameter needs a Type (${TYPES.join(', ')})`);
    return 'String';
  }
  const type = TYPES.find((known) => known === node.text);
  if (type !== undefined) return type;
  if (/^(AWS::|List<AWS::)/.test(node.text)) return { unsupported: node.text };
  faults.add(
    'invalid-value',
    node.position,
    `${path}.Type`,
    `unknown parameter type '${node.text}'${suggestion(node.text, TYPES)}`,
  );
  return 'String';
}

function readAllowedValues(map: MapNode, path: string, faults: Faults): readonly string[] | undefined {
  const node = map.entries.get('AllowedValues')?.value;
  if (node === undefined) return undefined;
  if (node.kind === 'list' && node.items.every((item) => item.kind === 'scalar'))
    return node.items.map((item) => (item as ScalarNode).text);
  faults.add('wrong-type', node.position, `${path}.AllowedValues`, 'expected a list of plain values');
  return undefined;
}

function readPattern(node: ScalarNode | undefined, path: string, faults: Faults): RegExp | undefined {
  if (node === undefined) return undefined;
  try {
    return new RegExp(`^(?:${node.text})$`);
  } catch (error) {
    faults.add(
      'invalid-value',
      node.position,
      `${path}.AllowedPattern`,
      `not a regular expression: ${(error as Error).message}`,
    );
    return undefined;
  }
}

function isNumeric(text: string): boolean {
  return /^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$/.test(text.trim());
}

/** What is wrong with a value of a parameter, in words, or `undefined`. */
function problemWith(parameter: TemplateParameter, value: string): string | undefined {
  const shown = parameter.noEcho ? 'the value' : `'${value}'`;
  const because = parameter.constraintDescription === undefined ? '' : ` (${parameter.constraintDescription})`;
  const numbers = parameter.type === 'Number' || parameter.type === 'List<Number>';
  const items =
    parameter.type === 'CommaDelimitedList' || parameter.type === 'List<Number>' ? splitList(value) : [value];
  for (const item of items) {
    if (numbers && !isNumeric(item)) return `${shown} is not a number`;
    if (parameter.allowedValues !== undefined && !parameter.allowedValues.includes(item)) {
      return `${shown} is not one of ${parameter.allowedValues.join(', ')}${because}`;
    }
    if (parameter.minValue !== undefined && Number(item) < parameter.minValue)
      return `${shown} is less than MinValue ${parameter.minValue}${because}`;
    if (parameter.maxValue !== undefined && Number(item) > parameter.maxValue)
      return `${shown} is more than MaxValue ${parameter.maxValue}${because}`;
  }
  if (parameter.minLength !== undefined && value.length < parameter.minLength)
    return `${shown} is shorter than MinLength ${parameter.minLength}${because}`;
  if (parameter.maxLength !== undefined && value.length > parameter.maxLength)
    return `${shown} is longer than MaxLength ${parameter.maxLength}${because}`;
  if (parameter.allowedPattern !== undefined) {
    const written = parameter.allowedPattern.source.slice(4, -2);
    const matches = matchesInTime(parameter.allowedPattern, value);
    if (matches === undefined)
      return `${shown} could not be matched within ${MATCH_MILLISECONDS} ms: simplify AllowedPattern ${written}`;
    if (!matches) return `${shown} does not match AllowedPattern ${written}${because}`;
  }
  return undefined;
}

function splitList(value: string): string[] {
  return value === '' ? [] : value.split(',').map((item) => item.trim());
}

/**
 * The values of all parameters: what the user gave, else the default.
 * @param given name to value, as on the command line
 * @param used names that the template refers to; only these need a value
 */
export function parameterValues(
  declared: ReadonlyMap<string, TemplateParameter>,
  given: ReadonlyMap<string, string>,
  used: ReadonlySet<string>,
  faults: Faults,
): ReadonlyMap<string, Value> {
  for (const name of given.keys()) {
    if (declared.has(name)) continue;
    const none = declared.size === 0 ? '; the template declares none' : suggestion(name, [...declared.keys()]);
    faults.add(
      'unknown-parameter',
      { line: 1, column: 1 },
      `Parameters.${name}`,
      `the template has no parameter '${name}'${none}`,
    );
  }
  const values = new Map<string, Value>();
  for (const [name, parameter] of declared) {
    const path = `Parameters.${name}`;
    if (typeof parameter.type !== 'string') {
      if (used.has(name))
        faults.add(
          'not-supported',
          parameter.position,
          path,
          `parameters of type ${parameter.type.unsupported} are not supported yet (${TYPES.join(', ')} are)`,
        );
      continue;
    }
    const text = given.get(name) ?? parameter.default;
    if (text === undefined) {
      faults.add(
        'missing',
        parameter.position,
        path,
        `has no default and was given no value: --parameter ${name}=VALUE`,
      );
      continue;
    }
    const problem = given.has(name) ? problemWith(parameter, text) : undefined;
    if (problem !== undefined) faults.add('invalid-value', parameter.position, path, problem);
    values.set(name, parameterValue(parameter, text));
  }
  return values;
}

function parameterValue(parameter: TemplateParameter, text: string): Value {
  const { position } = parameter;
  if (parameter.type !== 'CommaDelimitedList' && parameter.type !== 'List<Number>')
    return { kind: 'scalar', value: text, text, position };
  return {
    kind: 'list',
    items: splitList(text).map((item) => ({ kind: 'scalar', value: item, text: item, position })),
    position,
  };
}
