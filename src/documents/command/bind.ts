/**
 * A command document with the values of its parameters: what each step runs. Source: the source of Systems Manager's
 * agent (`docparser`, `runpluginutil`).
 */
import { shorten } from '../nodes.ts';
import { didYouMean } from '../nearest.ts';
import { matchPattern } from '../patterns.ts';
import {
  COMMAND_PLUGINS,
  type CommandDocument,
  type CommandParameter,
  type CommandPlugin,
  type CommandStep,
  type CommandValue,
} from './document.ts';
import { platformOf } from './parse.ts';

/** A step that is ready to run, or the reason why it does not. */
export type BoundStep =
  | { readonly name: string; readonly skipped: string }
  | {
      readonly name: string;
      readonly skipped?: undefined;
      readonly plugin: CommandPlugin;
      /** The whole text of its file, newline included. */
      readonly script: string;
      /** Absolute, or undefined. */
      readonly workingDirectory: string | undefined;
      readonly timeoutSeconds: number;
      readonly onFailure: 'exit' | 'successAndExit' | undefined;
      readonly exitsOnSuccess: boolean;
      /** It is the last one and runs whatever became of the others. */
      readonly isFinally: boolean;
    };

/** What is run. */
export interface BoundCommand {
  readonly steps: readonly BoundStep[];
  /** Variables of its scripts: `SSM_<name>` of parameters that are variables. */
  readonly variables: Readonly<Record<string, string>>;
  /** Whether a step whose plugin the instance lacks is skipped, and does not fail (schema 2.2). */
  readonly skipsMissing: boolean;
}

/** Parameters that do not fit a document. The message begins with `parameters` and has all faults. */
export class CommandParameterError extends Error {
  override readonly name = 'CommandParameterError';
}

/** Limits of `timeoutSeconds`. Beyond them the agent takes its default. */
const SECONDS = { otherwise: 3600, least: 5, most: 172_800 };
/** Characters of all scripts together, references replaced. */
const LONGEST_SCRIPTS = 1 << 20;

/** A value of Parameter Store: `{{ ssm:NAME }}`. */
const STORED = /\{\{\s*(ssm|ssm-secure):([\w./-]{1,1011})(?::([\w-]+))?\s*\}\}/g;
const REFERENCE = /\{\{\s*([a-zA-Z0-9]{1,128})\s*\}\}/g;
const WHOLE_REFERENCE = /^\{\{\s*([a-zA-Z0-9]{1,128})\s*\}\}$/;

type Given = Readonly<Record<string, unknown>>;

/**
 * Names of Parameter Store that a document and the values given to it refer to.
 * @throws {CommandParameterError} for a reference that is not supported, which it names
 */
export function storedParametersOf(document: CommandDocument, given: Given): readonly string[] {
  const texts = [
    JSON.stringify(given),
    ...document.parameters.map(({ defaultValue }) => JSON.stringify(defaultValue ?? null)),
    ...document.steps.map(({ inputs }) => JSON.stringify(inputs)),
  ].join('\n');
  const names = new Set<string>();
  for (const [whole, service, name, version] of texts.matchAll(STORED)) {
    if (service !== 'ssm' || version !== undefined)
      throw new CommandParameterError(
        `parameters: '${whole}' is not supported by this version of Ingot: name a parameter of type String or ` +
          'StringList, without a version',
      );
    names.add(name!);
  }
  return [...names];
}

/**
 * What a document runs with these parameters.
 * @param given texts or lists of texts, by name
 * @param stored values of `storedParametersOf`, by name
 * @throws {CommandParameterError} naming each parameter and value that does not fit
 */
export function bindCommand(
  document: CommandDocument,
  given: Given,
  stored: Readonly<Record<string, string>> = {},
): BoundCommand {
  const values = parameterValues(document, given, stored);
  const variables = Object.fromEntries(
    document.parameters.filter((each) => each.asVariable).map(({ name }) => [`SSM_${name}`, String(values.get(name))]),
  );
  const steps: BoundStep[] = [];
  let length = 0;
  for (const [index, step] of document.steps.entries()) {
    const bound = boundStep(document, step, values, stored, index === document.steps.length - 1);
    if (bound.skipped === undefined) length += bound.script.length;
    if (length > LONGEST_SCRIPTS)
      throw new CommandParameterError(
        `parameters: with these values the scripts have more than ${LONGEST_SCRIPTS} characters`,
      );
    steps.push(bound);
  }
  return { steps, variables, skipsMissing: document.schemaVersion === '2.2' };
}

type Values = ReadonlyMap<string, CommandValue>;

function parameterValues(document: CommandDocument, given: Given, stored: Readonly<Record<string, string>>): Values {
  const problems: string[] = [];
  const names = document.parameters.map(({ name }) => name);
  for (const name of Object.keys(given))
    if (!names.includes(name))
      problems.push(
        `the document has no parameter '${shorten(name)}'. It has: ${names.join(', ') || 'none'}.` +
          didYouMean(name, names),
      );
  const values = new Map<string, CommandValue>();
  for (const parameter of document.parameters) {
    const { name } = parameter;
    const isGiven = Object.hasOwn(given, name) && given[name] !== null && given[name] !== undefined;
    if (!isGiven && parameter.defaultValue === undefined) {
      problems.push(`${name}: it has no default; give a value`);
      continue;
    }
    try {
      const value = withStored(isGiven ? givenValue(parameter, given[name]) : parameter.defaultValue!, stored);
      // Like the agent: the value given and the default are checked alike.
      check(parameter, value);
      values.set(name, value);
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new CommandParameterError(`parameters: ${problems.join('; ')}`);
  return values;
}

function givenValue({ type, defaultValue }: CommandParameter, value: unknown): CommandValue {
  const texts = (Array.isArray(value) ? (value as unknown[]) : [value]).map((each) =>
    typeof each === 'object' ? JSON.stringify(each) : String(each),
  );
  if (type === 'StringList') return texts;
  if (type === 'MapList') throw new Error('a value of type MapList comes from the document alone; leave it out');
  if (texts.length !== 1) throw new Error(`a ${type} takes exactly one value, and got ${texts.length}`);
  const [text] = texts as [string];
  if (type === 'String') return text;
  if (type === 'StringMap') {
    const map = readJson(text);
    if (typeof map !== 'object' || map === null || Array.isArray(map))
      throw new Error(`'${shorten(text)}' is not a map in JSON`);
    return map;
  }
  if (text !== String(defaultValue))
    throw new Error(
      `a value of type ${type} comes from the document alone (it is ${String(defaultValue)}); leave it out`,
    );
  return defaultValue!;
}

function readJson(text: string): CommandValue | undefined {
  try {
    return JSON.parse(text) as CommandValue;
  } catch {
    return undefined;
  }
}

function check(parameter: CommandParameter, value: CommandValue): void {
  const { type, allowedValues, allowedPattern, minItems, maxItems, minChars, maxChars } = parameter;
  if (type === 'Integer' || type === 'Boolean') return;
  const texts = (Array.isArray(value) ? (value as readonly CommandValue[]) : [value]).map((each) =>
    typeof each === 'string' ? each : JSON.stringify(each),
  );
  for (const text of texts) {
    if (allowedValues !== undefined && allowedValues.length > 0 && !allowedValues.includes(text))
      throw new Error(`'${shorten(text)}' is not one of ${allowedValues.join(', ')}`);
    if (allowedPattern !== undefined && allowedPattern !== '' && !matchPattern(allowedPattern, text, 'exact'))
      throw new Error(`'${shorten(text)}' does not match the pattern ${shorten(allowedPattern, 200)}`);
    if (minChars !== undefined && text.length < minChars)
      throw new Error(`'${shorten(text)}' has ${text.length} characters; at least ${minChars} are required`);
    if (maxChars !== undefined && text.length > maxChars)
      throw new Error(`'${shorten(text)}' has ${text.length} characters; at most ${maxChars} are allowed`);
  }
  if (type === 'String') return;
  const count = Array.isArray(value) ? value.length : Object.keys(value as object).length;
  if (minItems !== undefined && count < minItems)
    throw new Error(`it has ${count} items; at least ${minItems} are required`);
  if (maxItems !== undefined && count > maxItems)
    throw new Error(`it has ${count} items; at most ${maxItems} are allowed`);
}

function boundStep(
  { parameters }: CommandDocument,
  { name, action, preconditions, inputs: written }: CommandStep,
  values: Values,
  stored: Readonly<Record<string, string>>,
  isLast: boolean,
): BoundStep {
  const plugin = COMMAND_PLUGINS.find((each) => each === action);
  if (plugin === undefined) return { name, skipped: `${action} does not run on Linux` };
  const unmet = preconditions.find((pair) => {
    const platform = platformOf(pair);
    if (platform !== undefined) return platform !== 'linux';
    const [left, right] = pair.map((text) => textOf(replaced(text, values, new Set())));
    return left !== right;
  });
  if (unmet !== undefined) return { name, skipped: `its precondition is not met: ${unmet.join(' = ')}` };

  const variables = new Set(parameters.filter((each) => each.asVariable).map((each) => each.name));
  const inputs = Object.fromEntries(
    Object.entries(written).map(([key, value]) => [
      key,
      withStored(replaced(value, values, key === 'runCommand' ? variables : new Set(), plugin), stored),
    ]),
  );
  const directory = textOf(inputs['workingDirectory'] ?? '');
  return {
    name,
    plugin,
    script: `${lines(inputs['runCommand'] ?? []).join('\n')}\n`,
    workingDirectory: directory.startsWith('/') ? directory : undefined,
    timeoutSeconds: seconds(inputs['timeoutSeconds']),
    onFailure: inputs['onFailure'] as 'exit' | 'successAndExit' | undefined,
    exitsOnSuccess: inputs['onSuccess'] === 'exit',
    isFinally: isLast && String(inputs['finallyStep']) === 'true',
  };
}

function lines(value: CommandValue): readonly string[] {
  return Array.isArray(value) ? (value as readonly CommandValue[]).flatMap(lines) : [textOf(value)];
}

function seconds(value: CommandValue | undefined): number {
  const number = Math.trunc(Number(textOf(value ?? '')));
  return number >= SECONDS.least && number <= SECONDS.most ? number : SECONDS.otherwise;
}

function textOf(value: CommandValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A value with the document's parameters in it. Parameters in `variables` become references to their variables. */
function replaced(
  value: CommandValue,
  values: Values,
  variables: ReadonlySet<string>,
  plugin: CommandPlugin = 'aws:runShellScript',
): CommandValue {
  if (Array.isArray(value))
    return (value as readonly CommandValue[]).map((each) => replaced(each, values, variables, plugin));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, replaced(each, values, variables, plugin)]),
    );
  if (typeof value !== 'string') return value;
  const whole = WHOLE_REFERENCE.exec(value)?.[1];
  if (whole !== undefined && values.has(whole) && !variables.has(whole)) return values.get(whole)!;
  return value.replace(REFERENCE, (text, name: string) => {
    const found = values.get(name);
    if (found === undefined) return text;
    if (variables.has(name)) return plugin === 'aws:runShellScript' ? `\${SSM_${name}}` : `\${env:SSM_${name}}`;
    return textOf(found);
  });
}

function withStored(value: CommandValue, stored: Readonly<Record<string, string>>): CommandValue {
  if (Array.isArray(value)) return (value as readonly CommandValue[]).map((each) => withStored(each, stored));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withStored(each, stored)]));
  if (typeof value !== 'string') return value;
  return value.replace(STORED, (text, _service, name: string) => (Object.hasOwn(stored, name) ? stored[name]! : text));
}
