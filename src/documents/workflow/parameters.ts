/** The values of a workflow's parameters: given values, otherwise defaults, converted to their types. */
import { undeclaredParameters } from '../declared-parameters.ts';
import { booleanOf, integerOf } from '../reading.ts';
import type { WorkflowDocument, WorkflowParameter, WorkflowValue } from './document.ts';

/** A value as in API requests: a list of texts. */
export interface GivenWorkflowParameter {
  readonly name: string;
  readonly value: readonly string[];
}

export interface WorkflowParameterValues {
  /** By name, without missing and invalid ones. */
  readonly values: Readonly<Record<string, WorkflowValue>>;
  /** One sentence each; empty if there are none. */
  readonly problems: readonly string[];
  /** The sentence about names that the document does not declare, if there are any. */
  readonly undeclared?: string;
}

/** A parameter as GetWorkflow describes it. */
export interface WorkflowParameterDetail {
  readonly name: string;
  readonly type: WorkflowParameter['type'];
  /** Texts; absent if a value is required. */
  readonly defaultValue?: readonly string[];
  readonly description?: string;
}

/** The parameters, for GetWorkflow. */
export function workflowParameterDetails(document: WorkflowDocument): readonly WorkflowParameterDetail[] {
  return document.parameters.map(({ name, type, defaultValue, description }) => ({
    name,
    type,
    ...(defaultValue === undefined ? {} : { defaultValue: [defaultValue].flat().map(String) }),
    description,
  }));
}

const MAX_VALUE_LENGTH = 1024;

/** The value of `$.parameters`. */
export function workflowParameterValues(
  document: WorkflowDocument,
  given: readonly GivenWorkflowParameter[],
): WorkflowParameterValues {
  const problems: string[] = [];
  const values: [string, WorkflowValue][] = [];
  const undeclared = undeclaredParameters('workflow', document, given);
  for (const parameter of document.parameters) {
    const value = given.findLast((candidate) => candidate.name === parameter.name)?.value;
    const read = value === undefined ? parameter.defaultValue : typed(parameter, value);
    if (read !== undefined) values.push([parameter.name, read]);
    else if (value === undefined) problems.push(`The parameter '${parameter.name}' has no default and needs a value.`);
    else
      problems.push(
        `The value of the parameter '${parameter.name}' must be ${WORDS[parameter.type]}, at most ` +
          `${MAX_VALUE_LENGTH} characters.`,
      );
  }
  return { values: Object.fromEntries(values), problems, undeclared };
}

const WORDS: Readonly<Record<WorkflowParameter['type'], string>> = {
  string: 'one text',
  integer: 'one integer',
  boolean: 'true or false',
  stringList: 'a list of texts',
};

function typed(parameter: WorkflowParameter, value: readonly string[]): WorkflowValue | undefined {
  const [text] = value;
  if (value.some((item) => item.length > MAX_VALUE_LENGTH)) return undefined;
  if (parameter.type === 'stringList') return value;
  if (text === undefined || value.length !== 1) return undefined;
  if (parameter.type === 'integer') return integerOf(text);
  return parameter.type === 'boolean' ? booleanOf(text) : text;
}
