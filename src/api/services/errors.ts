/** Errors of the services beside Image Builder: those that only one service has, by the code that it tells. */
import { ApiError } from '../../resources/errors.ts';

/** An error with a code of its service. */
export class ServiceError extends ApiError {
  /** As clients match on it: `ParameterNotFound`, `InvalidAMIID.NotFound`. */
  readonly wireCode: string;

  constructor(wireCode: string, message: string, status = 400) {
    super(status === 403 ? 'AccessDeniedException' : 'InvalidParameterValueException', message, status);
    this.wireCode = wireCode;
  }
}
