/**
 * IAM policy documents: parsing and validation. Source: IAM User Guide, "IAM JSON policy element reference" and its
 * grammar.
 */
import { isPolicyPrincipal } from '../resources/principal-arns.ts';
import { matchesArn, parseArnGlob, type ArnGlob } from './arn-globs.ts';
import { parseCondition, singleValue, type Condition, type ContextValues } from './conditions.ts';
import { matchesGlob, parseGlob, type Glob } from './globs.ts';
import type { PrincipalElement } from './principals.ts';

/**
 * What a policy is attached to: a principal (or session), a resource, a role, as its trust policy, or a repository of
 * container images, whose policy names no resource either.
 */
export type PolicyKind = 'identity' | 'resource' | 'trust' | 'repository';

/** One statement. */
export interface Statement {
  readonly sid?: string;
  readonly effect: 'Allow' | 'Deny';
  readonly principal?: PrincipalElement;
  readonly actions: { readonly negated: boolean; readonly globs: readonly Glob[] };
  /** Absent in a trust policy, which is about its role, and in a repository's. */
  readonly resources?: { readonly negated: boolean; readonly globs: readonly ArnGlob[] };
  readonly conditions: readonly Condition[];
}

/** A parsed policy. */
export interface Policy {
  readonly statements: readonly Statement[];
  /** Context keys in its conditions and variables, in lower case. */
  readonly keys: ReadonlySet<string>;
}

/** Maximum characters of a document: that of the model's `ResourcePolicyDocument`. */
export const LONGEST_POLICY = 30_000;

/**
 * Parses a policy.
 * @returns the policy, or all its faults, each with its path (`Statement[0].Effect: …`)
 */
export function parsePolicy(
  text: string,
  kind: PolicyKind,
): { readonly policy: Policy } | { readonly faults: readonly string[] } {
  const faults: string[] = [];
  if (text.length > LONGEST_POLICY)
    return { faults: [`the document has ${text.length} characters; at most ${LONGEST_POLICY} are allowed`] };
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return { faults: [`the document is not JSON: ${(error as Error).message}`] };
  }
  if (!isObject(document)) return { faults: ['the document is not a JSON object'] };
  unknownMembers(document, ['Version', 'Id', 'Statement'], '', faults);
  const version = document['Version'] ?? '2008-10-17';
  if (version !== '2012-10-17' && version !== '2008-10-17')
    faults.push('Version: must be "2012-10-17" (or "2008-10-17")');
  const given = document['Statement'];
  const list = given === undefined ? [] : Array.isArray(given) ? (given as unknown[]) : [given];
  if (list.length === 0) faults.push('Statement: is required');
  const sids = new Set<string>();
  const statements = list.flatMap((each, index) => {
    const place = Array.isArray(given) ? `Statement[${index}]` : 'Statement';
    if (!isObject(each)) {
      faults.push(`${place}: must be an object`);
      return [];
    }
    const statement = readStatement(each, place, kind, version === '2012-10-17', faults);
    if (statement.sid !== undefined && sids.has(statement.sid))
      faults.push(`${place}.Sid: duplicate Sid '${statement.sid}'`);
    if (statement.sid !== undefined) sids.add(statement.sid);
    return [statement];
  });
  if (faults.length > 0) return { faults };
  const keys = statements.flatMap(({ conditions, resources }) => [
    ...conditions.flatMap(({ key, variables }) => [key, ...variables]),
    ...(resources?.globs.flatMap(({ variables }) => variables) ?? []),
  ]);
  return { policy: { statements, keys: new Set(keys) } };
}

/** Whether a statement's actions, resources and conditions match a request. Its principal is checked elsewhere. */
export function statementFits(statement: Statement, action: string, resource: string, context: ContextValues): boolean {
  const { actions, resources, conditions } = statement;
  if (actions.globs.some((glob) => matchesGlob(glob, action, noVariables, true)) === actions.negated) return false;
  if (
    resources !== undefined &&
    resources.globs.some((glob) => matchesArn(glob, resource, singleValue(context))) === resources.negated
  )
    return false;
  return conditions.every((condition) => condition.holds(context, statement.effect));
}

const noVariables = (): undefined => undefined;

function readStatement(
  object: Readonly<Record<string, unknown>>,
  place: string,
  kind: PolicyKind,
  variables: boolean,
  faults: string[],
): Statement {
  unknownMembers(
    object,
    ['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'],
    `${place}.`,
    faults,
  );
  const sid = object['Sid'];
  if (sid !== undefined && typeof sid !== 'string') faults.push(`${place}.Sid: must be a string`);
  const effect = object['Effect'];
  if (effect !== 'Allow' && effect !== 'Deny') faults.push(`${place}.Effect: must be "Allow" or "Deny"`);

  const actions = oneOf(object, 'Action', place, true, faults);
  const globs = actions.values.flatMap((value, index) => {
    if (value === '*' || /^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$/.test(value))
      return [parseGlob(value, { wildcards: true, variables: false })!];
    faults.push(
      `${place}.${actions.name}[${index}]: '${value}' is not an action, such as "imagebuilder:GetImage" or ` +
        '"imagebuilder:*"',
    );
    return [];
  });

  const ofItself = { trust: 'a trust policy is about its role', repository: 'the policy is about its repository' };
  const aboutItself = kind === 'trust' || kind === 'repository' ? ofItself[kind] : undefined;
  const resources = oneOf(object, 'Resource', place, aboutItself === undefined, faults);
  if (aboutItself !== undefined && resources.given)
    faults.push(`${place}.${resources.name}: ${aboutItself} and names no resource`);
  const arns = resources.values.flatMap((value, index) => {
    const glob = parseArnGlob(value, variables);
    if (glob !== undefined) return [glob];
    faults.push(
      `${place}.${resources.name}[${index}]: '${value}' is neither "*" nor an ARN of six parts, such as ` +
        '"arn:aws:imagebuilder:*:123456789012:component/web/*"',
    );
    return [];
  });

  return {
    ...(typeof sid === 'string' ? { sid } : {}),
    effect: effect as Statement['effect'],
    ...readPrincipal(object, place, kind, effect, faults),
    actions: { negated: actions.negated, globs },
    ...(resources.given ? { resources: { negated: resources.negated, globs: arns } } : {}),
    conditions: readConditions(object['Condition'], `${place}.Condition`, variables, faults),
  };
}

/** `Name` or `NotName` as a list of strings: exactly one of the two if required. */
function oneOf(
  object: Readonly<Record<string, unknown>>,
  name: string,
  place: string,
  required: boolean,
  faults: string[],
) {
  const present = [name, `Not${name}`].filter((each) => object[each] !== undefined);
  if (present.length > 1) faults.push(`${place}: has both ${name} and Not${name}`);
  if (present.length === 0 && required) faults.push(`${place}: needs ${name} or Not${name}`);
  const used = present[0] ?? name;
  const values = present.length === 0 ? [] : stringsOf(object[used], `${place}.${used}`, faults);
  if (present.length > 0 && values.length === 0) faults.push(`${place}.${used}: is empty`);
  return { name: used, given: present.length > 0, negated: used.startsWith('Not'), values };
}

function readPrincipal(
  object: Readonly<Record<string, unknown>>,
  place: string,
  kind: PolicyKind,
  effect: unknown,
  faults: string[],
): { readonly principal?: PrincipalElement } {
  const present = ['Principal', 'NotPrincipal'].filter((each) => object[each] !== undefined);
  if (kind === 'identity') {
    if (present.length > 0)
      faults.push(`${place}.${present[0]}: a policy of a principal is about that principal and names none`);
    return {};
  }
  if (present.length !== 1) {
    faults.push(`${place}: needs Principal or NotPrincipal, and not both`);
    return {};
  }
  const name = present[0]!;
  const negated = name === 'NotPrincipal';
  if (negated && effect === 'Allow') faults.push(`${place}.NotPrincipal: goes with "Effect": "Deny" only`);
  const given = object[name];
  if (given === '*') return { principal: { negated, all: true, aws: [], federated: [] } };
  if (!isObject(given) || Object.keys(given).length === 0) {
    faults.push(`${place}.${name}: must be "*" or an object such as {"AWS": "arn:aws:iam::123456789012:root"}`);
    return {};
  }
  const aws = stringsOf(given['AWS'] ?? [], `${place}.${name}.AWS`, faults);
  const federated = stringsOf(given['Federated'] ?? [], `${place}.${name}.Federated`, faults);
  for (const type of Object.keys(given)) {
    if (type === 'Service') stringsOf(given[type], `${place}.${name}.Service`, faults);
    else if (type !== 'AWS' && type !== 'Federated')
      faults.push(`${place}.${name}.${type}: must be AWS, Federated or Service`);
  }
  for (const value of aws) {
    if (!isPolicyPrincipal(value)) {
      faults.push(`${place}.${name}.AWS: '${value}' is neither "*", nor an account id, nor the ARN of a user or role`);
    }
  }
  return { principal: { negated, all: aws.includes('*'), aws, federated } };
}

function readConditions(given: unknown, place: string, variables: boolean, faults: string[]): readonly Condition[] {
  if (given === undefined) return [];
  if (!isObject(given)) {
    faults.push(`${place}: must be an object`);
    return [];
  }
  return Object.entries(given).flatMap(([operator, keys]) => {
    if (!isObject(keys)) {
      faults.push(`${place}.${operator}: must be an object of condition keys`);
      return [];
    }
    return Object.entries(keys).flatMap(([key, values]) => {
      const texts = stringsOf(values, `${place}.${operator}.${key}`, faults, true);
      if (texts.length === 0) faults.push(`${place}.${operator}.${key}: has no value`);
      const condition = parseCondition(operator, key, texts, variables);
      if (typeof condition !== 'string') return [condition];
      faults.push(`${place}.${operator}.${key}: ${condition}`);
      return [];
    });
  });
}

function stringsOf(given: unknown, place: string, faults: string[], scalars = false): readonly string[] {
  const values = Array.isArray(given) ? (given as unknown[]) : [given];
  return values.flatMap((value) => {
    if (typeof value === 'string') return [value];
    if (scalars && (typeof value === 'number' || typeof value === 'boolean')) return [String(value)];
    faults.push(`${place}: must be a string or a list of strings`);
    return [];
  });
}

function unknownMembers(
  object: Readonly<Record<string, unknown>>,
  known: readonly string[],
  prefix: string,
  faults: string[],
): void {
  for (const name of Object.keys(object))
    if (!known.includes(name)) faults.push(`${prefix}${name}: unknown element; expected one of ${known.join(', ')}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
