/** CloudFormation's dynamic references, `{{resolve:ssm:NAME}}`, in the properties of resources. */
import type { Faults } from './faults.ts';
import { textAt, type Value, type ValueMap } from './nodes.ts';
import type { Scope } from './scope.ts';

/** Properties that may contain other double braces, which are resolved in the build. */
const DOCUMENTS = ['Data', 'DockerfileTemplateData'];

/** Parameters for documents: a step resolves their references when it runs. */
const DOCUMENT_PARAMETER = /\.(?:Components|Workflows)\[\d+\]\.Parameters\[\d+\]\.Value(?:\[\d+\])?$/;

const REFERENCE = /\{\{resolve:ssm:([^{}:\s]{1,1011}|arn:[^{}\s]{1,1011}?)(?::\d+)?\}\}/g;

/** Properties with references replaced by the values of parameters. */
export function resolveDynamic(properties: ValueMap, path: string, scope: Scope, faults: Faults): ValueMap {
  const entries = [...properties.entries].map(([key, entry]) => {
    if (DOCUMENTS.includes(key)) return [key, entry] as const;
    return [key, { ...entry, value: resolved(entry.value, `${path}.${key}`, scope, faults) }] as const;
  });
  return { ...properties, entries: new Map(entries) };
}

function resolved(value: Value, path: string, scope: Scope, faults: Faults): Value {
  if (value.kind === 'list')
    return { ...value, items: value.items.map((item, index) => resolved(item, `${path}[${index}]`, scope, faults)) };
  if (value.kind === 'map') {
    const entries = [...value.entries].map(
      ([key, entry]) => [key, { ...entry, value: resolved(entry.value, `${path}.${key}`, scope, faults) }] as const,
    );
    return { ...value, entries: new Map(entries) };
  }
  if (value.kind !== 'scalar' || !value.text.includes('{{resolve:') || DOCUMENT_PARAMETER.test(path)) return value;
  let missing = false;
  const text = value.text.replace(REFERENCE, (whole, name: string) => {
    const stored = scope.surroundings.parameterValue?.(name);
    if (stored !== undefined) return stored;
    // For an image, a recipe takes the parameter's name, and the service resolves it.
    if (whole === value.text && (path.endsWith('ParentImage') || path.endsWith('.Image'))) return `ssm:${name}`;
    missing = true;
    faults.add(
      'missing',
      value.position,
      path,
      `the Systems Manager parameter '${name}' has no value here: give it one in config.yaml of the data directory ` +
        `(parameters: {${name}: …})`,
    );
    return whole;
  });
  return missing ? { kind: 'unknown', position: value.position } : textAt(text, value.position);
}
