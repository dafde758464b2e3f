/** The Parameters section: declarations, and the values that a user gives. */
import type { Position } from '../documents/position.ts';
import { MATCH_MILLISECONDS, matchesInTime } from '../resources/timed-match.ts';
import { type Faults, suggestion } from './faults.ts';
import { describe, textAt, type MapNode, type ScalarNode, type TemplateNode, type Value } from './nodes.ts';

/** Types whose values AWS looks up. Here they are texts, because resources of other services do not exist. */
const AWS_TYPES = [
  'AWS::EC2::AvailabilityZone::Name',
  'AWS::EC2::Image::Id',
  'AWS::EC2::Instance::Id',
  'AWS::EC2::KeyPair::KeyName',
  'AWS::EC2::SecurityGroup::GroupName',
  'AWS::EC2::SecurityGroup::Id',
  'AWS::EC2::Subnet::Id',
  'AWS::EC2::VPC::Id',
  'AWS::EC2::Volume::Id',
  'AWS::Route53::HostedZone::Id',
];
const STORED = 'AWS::SSM::Parameter::Value';
const SHORT_TYPES = ['String', 'Number', 'CommaDelimitedList', 'List<Number>'];
/** Every type: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html. */
const TYPES: readonly string[] = [
  ...SHORT_TYPES,
  'List<String>',
  ...AWS_TYPES,
  ...AWS_TYPES.map((type) => `List<${type}>`),
  'AWS::SSM::Parameter::Name',
  ...['String', 'List<String>', 'CommaDelimitedList', ...AWS_TYPES, ...AWS_TYPES.map((type) => `List<${type}>`)].map(
    (type) => `${STORED}<${type}>`,
  ),
];

/** Maximum bytes of a parameter's value: CloudFormation's limit. */
const LONGEST_VALUE = 4096;
/** Maximum number of parameters of a template: CloudFormation's limit. */
const MOST_PARAMETERS = 200;
/**
 * The parameter that `cdk bootstrap` creates and templates of cdk read. Nothing needs bootstrapping here, so any
 * version is accepted.
 */
const BOOTSTRAP = /^\/cdk-bootstrap\/[^/]+\/version$/;
const BOOTSTRAP_VERSION = '999';

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
  /** One of CloudFormation's types, such as `List<AWS::EC2::Subnet::Id>`. */
  readonly type: string;
  readonly default?: string;
  readonly description?: string;
  readonly allowedValues?: readonly string[];
  readonly allowedPattern?: RegExp;
  readonly constraintDescription?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minValue?: number;
  readonly maxValue?: number;
  /** Whether the value must not be shown. */
  readonly noEcho: boolean;
  readonly position: Position;
}

/** Parses the declarations; their faults go to `faults`. */
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
  if (section.entries.size > MOST_PARAMETERS) {
    const message = `the template has ${section.entries.size} parameters; at most ${MOST_PARAMETERS} are allowed`;
    faults.add('too-many', section.position, 'Parameters', message);
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
      faults.add('missing', map.position, path, `a parameter needs a Type, such as ${SHORT_TYPES.join(', ')}`);
    return 'String';
  }
  const type = node.text.replaceAll(' ', '');
  if (TYPES.includes(type)) return type;
  const near = suggestion(node.text, TYPES);
  faults.add(
    'invalid-value',
    node.position,
    `${path}.Type`,
    `unknown parameter type '${node.text}'${near === '' ? suggestion(node.text, SHORT_TYPES) : near}`,
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
    // CloudFormation's patterns are Java's, which may begin with a flag.
    const flagged = /^\^?\(\?i\)/.exec(node.text);
    if (flagged === null) return new RegExp(`^(?:${node.text})$`);
    return new RegExp(`^(?:${node.text.slice(flagged[0].length)})$`, 'i');
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

/** The fault of a parameter's value, or `undefined`. */
function problemWith(parameter: TemplateParameter, value: string): string | undefined {
  const shown = parameter.noEcho ? 'the value' : `'${value}'`;
  const because = parameter.constraintDescription === undefined ? '' : ` (${parameter.constraintDescription})`;
  if (Buffer.byteLength(value) > LONGEST_VALUE) return `${shown.slice(0, 40)} … is longer than ${LONGEST_VALUE} bytes`;
  const numbers = parameter.type === 'Number' || parameter.type === 'List<Number>';
  const items = isList(parameter.type) ? splitList(value) : [value];
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
    for (const item of items) {
      const matches = matchesInTime(parameter.allowedPattern, item);
      if (matches === undefined)
        return `${shown} could not be matched within ${MATCH_MILLISECONDS} ms: simplify AllowedPattern ${written}`;
      if (!matches) return `${shown} does not match AllowedPattern ${written}${because}`;
    }
  }
  return undefined;
}

/** Whether values of a type are written as a comma-separated list. The name of a stored one is a single text. */
function isList(type: string): boolean {
  return type === 'CommaDelimitedList' || type.startsWith('List<');
}

function splitList(value: string): string[] {
  return value === '' ? [] : value.split(',').map((item) => item.trim());
}

/**
 * The values of all parameters: the user's, otherwise the default.
 * @param given name to value, as on the command line
 * @param stored returns the value of a Systems Manager parameter, by name
 */
export function parameterValues(
  declared: ReadonlyMap<string, TemplateParameter>,
  given: ReadonlyMap<string, string>,
  stored: (name: string) => string | undefined,
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
    const value = parameterValue(parameter, text, stored);
    if (value !== undefined) values.set(name, value);
    else
      faults.add(
        'missing',
        parameter.position,
        path,
        `the Systems Manager parameter '${text}' has no value here: give it one in config.yaml of the data directory ` +
          `(parameters: {${text}: …}), or name another one with --parameter ${name}=NAME`,
      );
  }
  return values;
}

/** The value; `undefined` for a stored parameter without a value. */
function parameterValue(
  parameter: TemplateParameter,
  text: string,
  stored: (name: string) => string | undefined,
): Value | undefined {
  const { position, type } = parameter;
  if (!type.startsWith(`${STORED}<`)) return valueOf(type, text, position);
  const inner = type.slice(STORED.length + 1, -1);
  const value = stored(text) ?? (BOOTSTRAP.test(text) ? BOOTSTRAP_VERSION : undefined);
  // For an image, a recipe takes `ssm:` and a name, and the service resolves it or gives advice.
  const image = inner === 'AWS::EC2::Image::Id' || text.startsWith('/aws/service/');
  if (image && value?.startsWith('ami-') !== true) return textAt(`ssm:${text}`, position);
  return value === undefined ? undefined : valueOf(inner, value, position);
}

function valueOf(type: string, text: string, position: Position): Value {
  if (!isList(type)) return textAt(text, position);
  return { kind: 'list', items: splitList(text).map((item) => textAt(item, position)), position };
}
