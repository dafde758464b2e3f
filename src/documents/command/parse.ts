/**
 * Reads and checks command documents of Systems Manager, schema 2.0 and 2.2, in YAML or JSON. Sources: Systems
 * Manager's user guide, and the source of its agent for what happens on an instance.
 */
import { FaultCollector } from '../faults.ts';
import { entryOf, readNodes, shorten } from '../nodes.ts';
import type { DocumentNode, MapEntry, MapNode } from '../nodes.ts';
import { didYouMean } from '../nearest.ts';
import { compilePattern } from '../patterns.ts';
import type { Fault } from '../position.ts';
import {
  childPath,
  isNull,
  readChoice,
  readInteger,
  readList,
  readMap,
  readText,
  requireEntry,
  UniqueNames,
  warnUnknownKeys,
} from '../reading.ts';
import {
  COMMAND_INPUTS,
  COMMAND_PARAMETER_TYPES,
  COMMAND_PLUGINS,
  type CommandDocument,
  type CommandParameter,
  type CommandStep,
  type CommandValue,
} from './document.ts';

/** A document that can run, or what is wrong with it. */
export interface ParsedCommand {
  /** There when no fault is an error. */
  readonly document?: CommandDocument;
  /** Errors and warnings, in the order of the text. */
  readonly faults: readonly Fault[];
}

/** Limits of a document. */
const MOST_STEPS = 100;
const MOST_PARAMETERS = 200;
const PARAMETER_NAME = /^[a-zA-Z0-9]{1,128}$/;

/** Keys of a parameter. `displayType` and `description` are for forms. */
const PARAMETER_KEYS = [
  'type',
  'description',
  'default',
  'allowedValues',
  'allowedPattern',
  'minItems',
  'maxItems',
  'minChars',
  'maxChars',
  'displayType',
  'interpolationType',
] as const;

/** Plugins that exist on Windows alone: Linux skips their steps in schema 2.2. Source: the agent's register. */
const WINDOWS_PLUGINS: readonly string[] = [
  'aws:applications',
  'aws:cloudWatch',
  'aws:configureDaemon',
  'aws:psModule',
  'aws:updateAgent',
];

/** Reads a command document and reports all of its faults in one go. Never throws. */
export function parseCommandDocument(text: string): ParsedCommand {
  const faults = new FaultCollector();
  const root = readNodes(text, faults);
  const document = root === undefined ? undefined : readDocument(root, faults);
  const sorted = faults.sorted();
  return document === undefined || faults.hasErrors() ? { faults: sorted } : { document, faults: sorted };
}

function readDocument(root: DocumentNode, faults: FaultCollector): CommandDocument | undefined {
  const map = readMap(root, '', 'A command document', faults);
  if (map === undefined) return undefined;
  const schemaVersion = readVersion(map, faults);
  if (schemaVersion === undefined) return undefined;
  warnUnknownKeys(
    map,
    ['schemaVersion', 'description', 'assumeRole', 'parameters', 'mainSteps', 'files', 'variables', 'outputs'],
    '',
    'A command document',
    faults,
  );
  const described = entryOf(map, 'description');
  return {
    schemaVersion,
    description:
      described === undefined || isNull(described.value)
        ? undefined
        : readText(described.value, 'description', "'description'", faults),
    parameters: readParameters(map, faults),
    steps: readSteps(map, schemaVersion, faults),
  };
}

function readVersion(map: MapNode, faults: FaultCollector): CommandDocument['schemaVersion'] | undefined {
  const entry = requireEntry(map, 'schemaVersion', '', 'A command document', faults);
  const text = entry && readText(entry.value, 'schemaVersion', "'schemaVersion'", faults)?.trim();
  if (entry === undefined || text === undefined) return undefined;
  if (text === '2.2' || text === '2.0' || text === '2') return text === '2.2' ? '2.2' : '2.0';
  const advice =
    text === '1.2' || text === '1.0'
      ? ' Put what is in runtimeConfig into mainSteps, and its properties into inputs.'
      : text === '0.3'
        ? ' 0.3 is an Automation runbook, which runs outside of instances.'
        : '';
  faults.add(
    'unsupported-schema-version',
    entry.value.position,
    'schemaVersion',
    `The schemaVersion of a command document must be 2.2, not '${shorten(text)}'.${advice}`,
  );
  return undefined;
}

// ---- parameters

function readParameters(map: MapNode, faults: FaultCollector): readonly CommandParameter[] {
  const entry = entryOf(map, 'parameters');
  if (entry === undefined || isNull(entry.value)) return [];
  const all = readMap(entry.value, 'parameters', "'parameters'", faults);
  if (all === undefined) return [];
  if (all.entries.length > MOST_PARAMETERS)
    faults.add(
      'out-of-range',
      entry.keyPosition,
      'parameters',
      `The document has ${all.entries.length} parameters; at most ${MOST_PARAMETERS} are allowed.`,
    );
  return all.entries.map((each) => readParameter(each, faults)).filter((each) => each !== undefined);
}

function readParameter(
  { key: name, keyPosition, value }: MapEntry,
  faults: FaultCollector,
): CommandParameter | undefined {
  const path = `parameters.${name}`;
  if (!PARAMETER_NAME.test(name))
    faults.add(
      'invalid-value',
      keyPosition,
      path,
      `The name '${shorten(name)}' of a parameter must have 1 to 128 letters and digits.`,
    );
  const map = readMap(value, path, `The parameter '${shorten(name)}'`, faults);
  if (map === undefined) return undefined;
  warnUnknownKeys(map, PARAMETER_KEYS, path, 'A parameter', faults);
  const typeEntry = requireEntry(map, 'type', path, `The parameter '${name}'`, faults);
  const type = typeEntry && readChoice(typeEntry.value, `${path}.type`, "'type'", COMMAND_PARAMETER_TYPES, faults);
  if (type === undefined) return undefined;
  const given = (key: (typeof PARAMETER_KEYS)[number]): DocumentNode | undefined => {
    const found = entryOf(map, key)?.value;
    return found === undefined || isNull(found) ? undefined : found;
  };
  const number = (key: 'minItems' | 'maxItems' | 'minChars' | 'maxChars'): number | undefined => {
    const node = given(key);
    // A quoted number is as usual here as a plain one.
    return node?.kind === 'scalar' && /^\d{1,9}$/.test(node.text)
      ? Number(node.text)
      : node && readInteger(node, `${path}.${key}`, `'${key}'`, faults);
  };
  const allowed = given('allowedValues');
  const pattern = given('allowedPattern');
  const allowedPattern = pattern && readText(pattern, `${path}.allowedPattern`, "'allowedPattern'", faults);
  if (allowedPattern !== undefined) {
    const compiled = compilePattern(allowedPattern, 'exact');
    if (typeof compiled === 'string')
      faults.add(
        'invalid-value',
        pattern!.position,
        `${path}.allowedPattern`,
        `The pattern '${shorten(allowedPattern)}' cannot be read: ${compiled}.`,
      );
  }
  const interpolation = given('interpolationType');
  const word =
    interpolation &&
    readChoice(
      interpolation,
      `${path}.interpolationType`,
      "'interpolationType'",
      ['ENV_VAR', 'SCHEMA_VERSION_DEFAULT'],
      faults,
    );
  if (word === 'ENV_VAR' && type !== 'String')
    faults.add(
      'invalid-value',
      interpolation!.position,
      `${path}.interpolationType`,
      `Only a parameter of type String can be a variable (ENV_VAR); '${name}' is a ${type}.`,
    );
  const defaultEntry = entryOf(map, 'default');
  return {
    name,
    type,
    defaultValue: defaultEntry === undefined ? undefined : (plain(defaultEntry.value, type === 'String') ?? ''),
    allowedValues:
      allowed &&
      readList(allowed, `${path}.allowedValues`, "'allowedValues'", faults)?.items.map(
        (item, index) => readText(item, `${path}.allowedValues[${index}]`, 'An allowed value', faults) ?? '',
      ),
    allowedPattern,
    minItems: number('minItems'),
    maxItems: number('maxItems'),
    minChars: number('minChars'),
    maxChars: number('maxChars'),
    asVariable: word === 'ENV_VAR',
  };
}

// ---- steps

function readSteps(
  map: MapNode,
  schemaVersion: CommandDocument['schemaVersion'],
  faults: FaultCollector,
): readonly CommandStep[] {
  const entry = requireEntry(map, 'mainSteps', '', 'A command document', faults);
  const list = entry && readList(entry.value, 'mainSteps', "'mainSteps'", faults);
  if (entry === undefined || list === undefined) return [];
  if (list.items.length === 0 || list.items.length > MOST_STEPS)
    faults.add(
      'out-of-range',
      entry.keyPosition,
      'mainSteps',
      `A command document has 1 to ${MOST_STEPS} steps, and this one has ${list.items.length}.`,
    );
  const names = new UniqueNames('The step', faults);
  return list.items
    .map((item, index) => readStep(item, `mainSteps[${index}]`, names, schemaVersion, faults))
    .filter((step) => step !== undefined);
}

function readStep(
  node: DocumentNode,
  path: string,
  names: UniqueNames,
  schemaVersion: CommandDocument['schemaVersion'],
  faults: FaultCollector,
): CommandStep | undefined {
  const map = readMap(node, path, 'A step', faults);
  if (map === undefined) return undefined;
  warnUnknownKeys(map, ['action', 'name', 'precondition', 'inputs', 'description'], path, 'A step', faults);
  const nameEntry = requireEntry(map, 'name', path, 'A step', faults);
  const name = nameEntry && readText(nameEntry.value, `${path}.name`, "'name'", faults);
  if (nameEntry !== undefined && name !== undefined) names.add(name, nameEntry.value.position, `${path}.name`);
  const actionEntry = requireEntry(map, 'action', path, 'A step', faults);
  const action = actionEntry && readText(actionEntry.value, `${path}.action`, "'action'", faults);
  const preconditions = readPreconditions(map, path, schemaVersion, faults);
  if (name === undefined || actionEntry === undefined || action === undefined) return undefined;
  const runs = mayRun(action, preconditions, schemaVersion);
  const known = COMMAND_PLUGINS.some((each) => each === action);
  if (runs && !known)
    faults.add(
      'unknown-action',
      actionEntry.value.position,
      `${path}.action`,
      `The plugin '${shorten(action)}' is not supported by this version of Ingot, which has ` +
        `${COMMAND_PLUGINS.join(' and ')}.${didYouMean(action, COMMAND_PLUGINS)}`,
    );
  const inputsEntry = known ? requireEntry(map, 'inputs', path, 'A step', faults) : entryOf(map, 'inputs');
  const inputs = inputsEntry && readMap(inputsEntry.value, `${path}.inputs`, "'inputs'", faults);
  if (inputs !== undefined && known) {
    for (const each of inputs.entries)
      if (!COMMAND_INPUTS.some((input) => input === each.key))
        faults.add(
          'unknown-input',
          each.keyPosition,
          childPath(`${path}.inputs`, each.key),
          `${action} has no input '${shorten(each.key)}', so it has no effect.${didYouMean(each.key, COMMAND_INPUTS)}`,
        );
    if (entryOf(inputs, 'runCommand') === undefined)
      faults.add('missing-input', inputs.position, `${path}.inputs`, `${action} needs the input 'runCommand'.`);
    choice(inputs, 'onFailure', ['exit', 'successAndExit'], path, faults);
    choice(inputs, 'onSuccess', ['exit'], path, faults);
  }
  return {
    name,
    action,
    preconditions,
    inputs: inputs === undefined ? {} : (plain(inputs, false) as Record<string, CommandValue>),
    position: node.position,
  };
}

function choice(map: MapNode, key: string, words: readonly string[], path: string, faults: FaultCollector): void {
  const entry = entryOf(map, key);
  if (entry !== undefined) readChoice(entry.value, `${path}.inputs.${key}`, `'${key}'`, words, faults);
}

/** Whether a step can come to run on Linux, whatever the parameters are. */
function mayRun(
  action: string,
  preconditions: CommandStep['preconditions'],
  schemaVersion: CommandDocument['schemaVersion'],
): boolean {
  if (schemaVersion === '2.2' && WINDOWS_PLUGINS.includes(action)) return false;
  return !preconditions.some((pair) => platformOf(pair) !== undefined && platformOf(pair) !== 'linux');
}

/** The platform that a pair names beside `platformType`, in lower case. */
export function platformOf([left, right]: readonly [string, string]): string | undefined {
  if (left === 'platformType') return right.toLowerCase();
  return right === 'platformType' ? left.toLowerCase() : undefined;
}

function readPreconditions(
  map: MapNode,
  path: string,
  schemaVersion: CommandDocument['schemaVersion'],
  faults: FaultCollector,
): readonly (readonly [string, string])[] {
  const entry = entryOf(map, 'precondition');
  if (entry === undefined || isNull(entry.value)) return [];
  const at = `${path}.precondition`;
  if (schemaVersion === '2.0')
    faults.add('invalid-value', entry.keyPosition, at, "A 'precondition' needs schemaVersion 2.2.");
  const conditions = readMap(entry.value, at, "'precondition'", faults);
  return (conditions?.entries ?? []).flatMap(({ key, keyPosition, value }) => {
    if (key !== 'StringEquals') {
      const message = `'${shorten(key)}' is not an operator of preconditions: there is StringEquals.`;
      faults.add('unknown-operator', keyPosition, childPath(at, key), message);
      return [];
    }
    const items = readList(value, `${at}.StringEquals`, "'StringEquals'", faults)?.items ?? [];
    const [left, right] = items.map((item) => readText(item, `${at}.StringEquals`, 'A text to compare', faults) ?? '');
    if (items.length === 2 && left !== right) return [[left!, right!] as const];
    faults.add(
      'invalid-value',
      value.position,
      `${at}.StringEquals`,
      items.length === 2
        ? `'StringEquals' compares two different texts, not '${shorten(left!)}' with itself.`
        : `'StringEquals' takes exactly 2 texts, and has ${items.length}.`,
    );
    return [];
  });
}

/** A value as JSON. @param texts whether numbers and booleans keep the text that was written */
function plain(node: DocumentNode, texts: boolean): CommandValue {
  if (node.kind === 'list') return node.items.map((item) => plain(item, texts));
  if (node.kind === 'map') return Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value, texts)]));
  if (typeof node.value === 'string' || node.value === null) return node.value;
  return texts || String(node.value) !== node.text ? node.text : node.value;
}
