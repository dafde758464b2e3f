/** Errors of Systems Manager. Source: Systems Manager API Reference. */
import { ServiceError } from '../errors.ts';

/** A parameter does not exist. */
export function parameterNotFound(name: string): ServiceError {
  return new ServiceError(
    'ParameterNotFound',
    `There is no parameter ${name.slice(0, 2048)} in this account and Region.`,
  );
}

/** A parameter does not have this version or label. */
export function versionNotFound(name: string, selector: string | number): ServiceError {
  return new ServiceError(
    'ParameterVersionNotFound',
    `The parameter ${name.slice(0, 2048)} has no version or label '${String(selector).slice(0, 100)}'.`,
  );
}

/** A parameter has an invalid value. */
export function validation(message: string): ServiceError {
  return new ServiceError('ValidationException', message);
}
