/** The form of a policy on a resource: JSON of IAM's policy language. What it permits is not judged here. */

const VERSIONS = ['2012-10-17', '2008-10-17'];
const MEMBERS = ['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'];
const PAIRS = [['Principal', 'NotPrincipal'], ['Action', 'NotAction'], ['Resource', 'NotResource']] as const;

/** What is wrong with a document, as one sentence; `undefined` when nothing is. */
export function resourcePolicyFault(text: string): string | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return `The policy is not JSON: ${(error as Error).message}.`;
  }
  if (!isObject(document)) return 'The policy must be a JSON object.';
  const { Version: version, Statement: statements } = document;
  if (version !== undefined && !VERSIONS.includes(version as string)) return `The policy's Version must be ${VERSIONS.join(' or ')}.`;
  const list = Array.isArray(statements) ? (statements as readonly unknown[]) : [statements];
  if (statements === undefined || list.length === 0) return 'The policy must have a Statement.';
  for (const [index, statement] of list.entries()) {
    const fault = statementFault(statement);
    if (fault !== undefined) return `Statement[${index}] ${fault}`;
  }
  return undefined;
}

function statementFault(statement: unknown): string | undefined {
  if (!isObject(statement)) return 'must be an object.';
  const unknown = Object.keys(statement).find((member) => !MEMBERS.includes(member));
  if (unknown !== undefined) return `has a member '${unknown}', which there is none of; there are: ${MEMBERS.join(', ')}.`;
  if (statement['Effect'] !== 'Allow' && statement['Effect'] !== 'Deny') return 'must have an Effect, Allow or Deny.';
  for (const [member, opposite] of PAIRS) {
    if ((statement[member] === undefined) === (statement[opposite] === undefined)) return `must have either ${member} or ${opposite}.`;
    const [name, value] = statement[member] === undefined ? [opposite, statement[opposite]] : [member, statement[member]];
    if (member === 'Principal' ? !isPrincipal(value) : !isTexts(value)) return `must have ${member === 'Principal' ? '"*" or an object of strings' : 'a string or a list of strings'} as ${name}.`;
  }
  const condition = statement['Condition'];
  if (condition !== undefined && !(isObject(condition) && Object.values(condition).every(isObject))) return 'must have an object of objects as Condition.';
  return undefined;
}

function isPrincipal(value: unknown): boolean {
  return value === '*' || (isObject(value) && Object.keys(value).length > 0 && Object.values(value).every(isTexts));
}

function isTexts(value: unknown): boolean {
  return typeof value === 'string' || (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string'));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
