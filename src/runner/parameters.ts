/** The values of a document's `{{ Name }}` references. Pure. Source: reference, `awstoe.md` section 3. */
import type { ComponentDocument } from '../documents/component/document.ts';

/** A parameter without a value, or with a value that is not allowed. */
export class ParameterError extends Error {
  override readonly name = 'ParameterError';
}

/**
 * Parameters and constants with their values. Values for names that the document does not declare are ignored.
 * @param component the component's name, for messages
 * @throws {ParameterError} naming every parameter with a fault
 */
export function parameterScope(
  document: ComponentDocument,
  component: string,
  values: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const scope = new Map<string, string>();
  const faults: string[] = [];
  for (const constant of document.constants) scope.set(constant.name, constant.value);
  for (const parameter of document.parameters) {
    const value = Object.hasOwn(values, parameter.name) ? values[parameter.name] : parameter.defaultValue;
    if (value === undefined) {
      faults.push(`parameter ${parameter.name} has no value and no default`);
      continue;
    }
    if (parameter.allowedValues !== undefined && !parameter.allowedValues.includes(value)) {
      faults.push(
        `parameter ${parameter.name} is "${value}", allowed are ` +
          `${parameter.allowedValues.map((allowed) => `"${allowed}"`).join(', ')}`,
      );
      continue;
    }
    scope.set(parameter.name, value);
  }
  if (faults.length > 0) throw new ParameterError(`component ${component}: ${faults.join('; ')}`);
  return scope;
}
