/**
 * Condition operators of IAM policies. Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set
 * operators". If the request does not have the key, an operator fails, except a negated one; `…IfExists` then holds.
 */
import { isInRange, parseRange, type AddressRange } from './addresses.ts';
import { matchesArn, parseArnGlob } from './arn-globs.ts';
import { isTagKey } from './tag-keys.ts';
import { matchesGlob, parseGlob, type VariableValue } from './globs.ts';

/**
 * The values of a context key in a request: one, several, or `undefined` if the request does not have the key.
 * @param key in lower case
 * @param spelled as in the policy, because claims of tokens are case-sensitive
 */
export type ContextValues = (key: string, spelled?: string) => readonly string[] | undefined;

/** Effect of a statement. */
type Effect = 'Allow' | 'Deny';

/**
 * One condition of a statement: an operator, a key, and values, one of which must match (for a negated operator, none).
 */
export interface Condition {
  readonly operator: string;
  /** In lower case. */
  readonly key: string;
  /** Keys of variables in its values, in lower case. */
  readonly variables: readonly string[];
  /**
   * Whether the condition holds. A tag's key has one value. If tags that differ only in case give it several, the
   * stricter result counts: an allowing statement needs all of them to match, a denying one any.
   */
  holds(values: ContextValues, effect: Effect): boolean;
}

/** A policy's value, prepared for comparison with values in requests. */
type Comparison = (given: string, valueOf: VariableValue) => boolean;

interface Operator {
  readonly negated: boolean;
  /** Returns `undefined` if the policy's value is invalid for this operator. */
  prepare(
    value: string,
    variables: boolean,
  ): { readonly compare: Comparison; readonly variables?: readonly string[] } | undefined;
}

const stringOperator = (
  negated: boolean,
  options: { readonly wildcards?: boolean; readonly ignoreCase?: boolean } = {},
): Operator => ({
  negated,
  prepare(value, variables) {
    const glob = parseGlob(value, { wildcards: options.wildcards ?? false, variables });
    if (glob === undefined) return undefined;
    return {
      variables: glob.variables,
      compare: (given, valueOf) => matchesGlob(glob, given, valueOf, options.ignoreCase),
    };
  },
});

const arnOperator = (negated: boolean): Operator => ({
  negated,
  prepare(value, variables) {
    const arn = parseArnGlob(value, variables);
    return arn === undefined
      ? undefined
      : { variables: arn.variables, compare: (given, valueOf) => matchesArn(arn, given, valueOf) };
  },
});

const addressOperator = (negated: boolean): Operator => ({
  negated,
  prepare(value) {
    const range: AddressRange | undefined = parseRange(value);
    return range === undefined ? undefined : { compare: (given) => isInRange(given, range) };
  },
});

const orderOperator = (
  read: (text: string) => number,
  holds: (given: number, value: number) => boolean,
  negated = false,
): Operator => ({
  negated,
  prepare(value) {
    const wanted = read(value);
    if (Number.isNaN(wanted)) return undefined;
    return {
      compare: (given) => {
        const number = read(given);
        return !Number.isNaN(number) && holds(number, wanted);
      },
    };
  },
});

const number = (text: string): number =>
  /^\s*[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN;
/** Parses seconds since 1970, or ISO 8601, to milliseconds. */
const date = (text: string): number =>
  /^\d{1,12}$/.test(text) ? Number(text) * 1000 : /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;

const ordered = (name: string, read: (text: string) => number): Readonly<Record<string, Operator>> => ({
  [`${name}Equals`]: orderOperator(read, (a, b) => a === b),
  [`${name}NotEquals`]: orderOperator(read, (a, b) => a === b, true),
  [`${name}LessThan`]: orderOperator(read, (a, b) => a < b),
  [`${name}LessThanEquals`]: orderOperator(read, (a, b) => a <= b),
  [`${name}GreaterThan`]: orderOperator(read, (a, b) => a > b),
  [`${name}GreaterThanEquals`]: orderOperator(read, (a, b) => a >= b),
});

const OPERATORS: Readonly<Record<string, Operator>> = {
  StringEquals: stringOperator(false),
  StringNotEquals: stringOperator(true),
  StringEqualsIgnoreCase: stringOperator(false, { ignoreCase: true }),
  StringNotEqualsIgnoreCase: stringOperator(true, { ignoreCase: true }),
  StringLike: stringOperator(false, { wildcards: true }),
  StringNotLike: stringOperator(true, { wildcards: true }),
  ArnEquals: arnOperator(false),
  ArnLike: arnOperator(false),
  ArnNotEquals: arnOperator(true),
  ArnNotLike: arnOperator(true),
  IpAddress: addressOperator(false),
  NotIpAddress: addressOperator(true),
  BinaryEquals: stringOperator(false),
  Bool: {
    negated: false,
    prepare(value, variables) {
      const glob = parseGlob(value, { wildcards: false, variables });
      if (glob === undefined || (glob.variables.length === 0 && !/^(true|false)$/i.test(value))) return undefined;
      return { variables: glob.variables, compare: (given, valueOf) => matchesGlob(glob, given, valueOf, true) };
    },
  },
  ...ordered('Numeric', number),
  ...ordered('Date', date),
};

/**
 * Parses one condition.
 * @param name the operator as in the policy: `ForAllValues:StringLikeIfExists`
 * @returns an error message, as a string, if it is invalid
 */
export function parseCondition(
  name: string,
  key: string,
  values: readonly string[],
  variables: boolean,
): Condition | string {
  const [, set, base, ifExists] = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/.exec(name) ?? [];
  if (base === undefined) return `unknown condition operator '${name}'`;
  const at = key.toLowerCase();
  if (base === 'Null') {
    if (ifExists !== undefined) return "the operator Null takes no 'IfExists'";
    if (values.length === 0 || values.some((value) => !/^(true|false)$/i.test(value)))
      return `${name} takes "true" or "false"`;
    return {
      operator: name,
      key: at,
      variables: [],
      holds: (context) => values.some((value) => (context(at, key) === undefined) === (value.toLowerCase() === 'true')),
    };
  }
  const operator = Object.hasOwn(OPERATORS, base) ? OPERATORS[base] : undefined;
  if (operator === undefined) return `unknown condition operator '${name}'`;
  const prepared = values.map((value) => operator.prepare(value, variables));
  const wrong = prepared.indexOf(undefined);
  if (wrong >= 0) return `'${values[wrong]}' is not a valid value for ${name}`;
  const comparisons = prepared.map((each) => each!.compare);
  const needed = prepared.flatMap((each) => each!.variables ?? []);
  return {
    operator: name,
    key: at,
    variables: needed,
    holds(context, effect) {
      const isUnclear = (of: string): boolean => isTagKey(of) && (context(of)?.length ?? 0) > 1;
      if (needed.some(isUnclear)) return effect === 'Deny';
      const given = context(at, key);
      if (given === undefined || given.length === 0) {
        if (ifExists !== undefined || set === 'ForAllValues') return true;
        return set === undefined && operator.negated;
      }
      const valueOf = singleValue(context);
      const meets = (value: string): boolean =>
        comparisons.some((compare) => compare(value, valueOf)) !== operator.negated;
      if (isUnclear(at)) return effect === 'Deny' ? given.some(meets) : given.every(meets);
      if (set === 'ForAllValues') return given.every(meets);
      if (set === 'ForAnyValue') return given.some(meets);
      return operator.negated ? given.every(meets) : given.some(meets);
    },
  };
}

/** The value of a context key for a variable: the only value, or `undefined`. */
export function singleValue(context: ContextValues): VariableValue {
  return (key) => {
    const values = context(key);
    return values?.length === 1 ? values[0] : undefined;
  };
}
