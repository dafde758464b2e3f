/** Facts about a component from its document: its type, its phases, its parameters. */
import type { ComponentDocument } from './document.ts';

/** A parameter as GetComponent describes it. */
export interface ComponentParameterDetail {
  readonly name: string;
  readonly type: 'string';
  /** A list with one text; absent if the parameter must be set. */
  readonly defaultValue?: readonly string[];
  readonly description?: string;
}

/** A parameter's value as in recipes: a list with one text. */
export interface ComponentParameterValue {
  readonly name: string;
  readonly value: readonly string[];
}

/** TEST if the only phase is named `test`; BUILD otherwise. Source: reference, `awstoe.md` section 1. */
export function componentType(document: ComponentDocument): 'BUILD' | 'TEST' {
  return document.phases.length === 1 && document.phases[0]?.name === 'test' ? 'TEST' : 'BUILD';
}

/** Names of the phases, in the order in which they run. */
export function phaseNames(document: ComponentDocument): readonly string[] {
  return document.phases.map((phase) => phase.name);
}

/** Whether a phase with this name exists and has a step. */
export function hasPhase(document: ComponentDocument, name: string): boolean {
  return document.phases.some((phase) => phase.name === name && phase.steps.length > 0);
}

/** The parameters, for GetComponent. */
export function parameterDetails(document: ComponentDocument): readonly ComponentParameterDetail[] {
  return document.parameters.map(({ name, type, defaultValue, description }) => ({
    name,
    type,
    ...(defaultValue === undefined ? {} : { defaultValue: [defaultValue] }),
    description,
  }));
}

/**
 * The faults of the values in a recipe, one sentence each; includes missing values. Names that the document does not
 * declare are reported by `undeclaredParameters`.
 */
export function checkParameterValues(
  document: ComponentDocument,
  given: readonly ComponentParameterValue[],
): readonly string[] {
  const problems: string[] = [];
  const values = new Map<string, readonly string[]>();
  for (const { name, value } of given) {
    if (values.has(name)) problems.push(`The parameter '${name}' is given twice.`);
    values.set(name, value);
  }
  for (const parameter of document.parameters) {
    const value = values.get(parameter.name);
    if (value === undefined) {
      if (parameter.defaultValue === undefined)
        problems.push(`The parameter '${parameter.name}' has no default and needs a value.`);
      continue;
    }
    const [text = ''] = value;
    if (value.length !== 1)
      problems.push(`The parameter '${parameter.name}' takes one value, and has ${value.length}.`);
    else if (text === '') problems.push(`The parameter '${parameter.name}' has an empty value.`);
    else if (text.length > 1024)
      problems.push(`The value of '${parameter.name}' has ${text.length} characters; at most 1024 are allowed.`);
    else if (parameter.allowedValues?.includes(text) === false) {
      problems.push(
        `The value of '${parameter.name}' is '${text}', which is not among its allowedValues ` +
          `(${parameter.allowedValues.join(', ')}).`,
      );
    }
  }
  return problems;
}
