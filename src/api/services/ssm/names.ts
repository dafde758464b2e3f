/**
 * Names of parameters in requests: a name or an ARN, optionally with a version or label after a colon. Source: Systems
 * Manager User Guide, "Requirements and constraints for parameter names".
 */
import type { Place } from '../../../catalog/slices.ts';
import { parameterArn, readStoreArn } from '../../../resources/store-arns.ts';
import { validation } from './errors.ts';

/** A name and the requested version: a number, a label, or the newest. */
export interface ParameterReference {
  readonly name: string;
  /** The version or label, without the colon. */
  readonly selector?: string;
}

const NAME = /^[A-Za-z0-9_.-]+$/;
const PATH = /^\/?[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*$/;
/** Maximum length of the ARN. */
const LONGEST_ARN = 1011;
const DEEPEST = 15;

/** What is wrong with the name of a new parameter, as a sentence; `undefined` if it is valid. */
export function nameFault(name: string, place: Place): string | undefined {
  if (!PATH.test(name))
    return (
      'Parameter name must consist of letters, digits, dots, hyphens and underscores, and of slashes between the ' +
      'levels of its path.'
    );
  if (!name.startsWith('/') && !NAME.test(name)) return 'Parameter name must be a fully qualified name.';
  if (/^\/?(aws|ssm)/i.test(name)) return 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).';
  if (name.split('/').filter((level) => level !== '').length > DEEPEST)
    return `Parameter name must have at most ${DEEPEST} levels.`;
  if (parameterArn(name, place).length > LONGEST_ARN)
    return `Parameter name must not be longer than ${LONGEST_ARN} characters, with its ARN.`;
  return undefined;
}

/**
 * Parses a name in a request.
 * @throws {ServiceError} ValidationException
 */
export function readReference(text: string, place: Place): ParameterReference {
  const arn = readStoreArn(text);
  if (arn === undefined) {
    const [name, selector, more] = text.trim().split(':', 3);
    if (name === '' || name === undefined || more !== undefined) throw validation(`Invalid parameter name: ${text}`);
    return { name, ...(selector === undefined ? {} : { selector }) };
  }
  const rest = text.slice(arn.arn.length);
  if (arn.service !== 'ssm' || (rest !== '' && !rest.startsWith(':')))
    throw validation(`Invalid parameter ARN: ${text.slice(0, 2048)}`);
  // Parameters are not shared between accounts or Regions, so others look absent.
  const own = arn.region === place.region && arn.account === place.account;
  const name = arn.name.includes('/') ? `/${arn.name}` : arn.name;
  return { name: own ? name : arn.arn, ...(rest === '' ? {} : { selector: rest.slice(1) }) };
}

/** The ARN that policies check for a name in a request. */
export function resourceOf(text: string, place: Place): string {
  const arn = readStoreArn(text);
  return arn === undefined ? parameterArn(text.split(':', 1)[0]!.trim(), place) : arn.arn;
}
