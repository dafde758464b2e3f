/** Reads the web hooks of `config.yaml`: who may start which pipeline, and which parameters the sender may set. */
import { ConfigError } from '../../platform/config/config.ts';
import { list, map, section, strings, text } from '../../platform/config/reading.ts';
import { parseArn } from '../../resources/arns.ts';
import { hookKinds } from './signatures.ts';

/** A component parameter that a sender may set. */
export interface HookParameter {
  /** Name of a component of the recipe, as in ARNs. */
  readonly component: string;
  readonly parameter: string;
  /** Path of the value in the body: `head_commit.id`. */
  readonly from: string;
}

/** One hook. */
export interface Hook {
  readonly name: string;
  /** ARN. */
  readonly pipeline: string;
  readonly kind: keyof typeof hookKinds;
  /** Absolute path of the secret, which is read for each delivery. */
  readonly secretFile: string;
  /** Events that start the pipeline; empty for all. */
  readonly events: readonly string[];
  /** Members of the body and their required values. */
  readonly match: Readonly<Record<string, string>>;
  readonly parameters: readonly HookParameter[];
}

/**
 * Reads the `hooks` section.
 * @throws {ConfigError} with every fault
 */
export function readHooks(given: unknown): ReadonlyMap<string, Hook> {
  const faults: string[] = [];
  const hooks = Object.entries(map(given, 'hooks', faults)).map(([name, item]): readonly [string, Hook] => {
    const place = `hooks.${name}`;
    if (!/^[a-z0-9][a-z0-9_-]{0,127}$/.test(name))
      faults.push(`${place}: must be a name of small letters, digits, - and _`);
    const entry = section(item, place, ['pipeline', 'kind', 'secretFile', 'events', 'match', 'parameters'], faults);
    const pipeline = text(entry['pipeline'], `${place}.pipeline`, faults, true) ?? '';
    if (pipeline !== '' && parseArn(pipeline)?.type !== 'image-pipeline')
      faults.push(`${place}.pipeline: must be the ARN of an image pipeline`);
    const kind = entry['kind'];
    if (typeof kind !== 'string' || !Object.hasOwn(hookKinds, kind))
      faults.push(`${place}.kind: must be one of ${Object.keys(hookKinds).join(', ')}`);
    const secretFile = text(entry['secretFile'], `${place}.secretFile`, faults, true) ?? '';
    if (secretFile !== '' && !secretFile.startsWith('/'))
      faults.push(`${place}.secretFile: must be the absolute path of a file with the secret`);
    const match = map(entry['match'], `${place}.match`, faults);
    return [
      name,
      {
        name,
        pipeline,
        kind: kind as Hook['kind'],
        secretFile,
        events: strings(entry['events'], `${place}.events`, faults),
        match: Object.fromEntries(Object.entries(match).map(([path, value]) => [path, String(value)])),
        parameters: list(entry['parameters'], `${place}.parameters`, faults).map((each, index) => {
          const at = `${place}.parameters[${index}]`;
          const members = section(each, at, ['component', 'parameter', 'from'], faults);
          const member = (key: string): string => text(members[key], `${at}.${key}`, faults, true) ?? '';
          return { component: member('component'), parameter: member('parameter'), from: member('from') };
        }),
      },
    ];
  });
  if (faults.length > 0) throw new ConfigError(faults.map((fault) => `config.yaml: ${fault}`).join('\n'));
  return new Map(hooks);
}

/** The text at a path of a body; `undefined` if it is absent, or not a single value. */
export function memberAt(body: unknown, path: string): string | undefined {
  let value = body;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

/** Maximum characters of a parameter's value, as in a recipe. */
const LONGEST_VALUE = 1024;

/**
 * Reads the parameters from a body, or says which one is invalid. The text is untrusted, so it must be one line without
 * control characters.
 */
export function parametersFrom(
  hook: Hook,
  body: unknown,
): { readonly fault: string } | { readonly values: readonly (HookParameter & { readonly value: string })[] } {
  const values = [];
  for (const parameter of hook.parameters) {
    const value = memberAt(body, parameter.from);
    if (value === undefined) return { fault: `The body has no text at '${parameter.from}'.` };
    if (value === '' || value.length > LONGEST_VALUE || /[\u0000-\u001f\u007f-\u009f]/.test(value))
      return {
        fault: `The text at '${parameter.from}' must have 1 to ${LONGEST_VALUE} characters in one line.`,
      };
    values.push({ ...parameter, value });
  }
  return { values };
}
