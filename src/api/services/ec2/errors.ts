/** Errors of EC2, by its codes. Source: EC2 API Reference, "Error codes". */
import { ServiceError } from '../errors.ts';

/** A value that is wrong. */
export function invalidParameter(message: string): ServiceError {
  return new ServiceError('InvalidParameterValue', message);
}
