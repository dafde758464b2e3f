/** Errors of the services beside Image Builder, for codes that only one service has. */
import { ApiError } from '../../resources/errors.ts';

/** An error with a code of its service. */
export class ServiceError extends ApiError {
  /** The code that clients match on: `ParameterNotFound`, `InvalidAMIID.NotFound`. */
  readonly wireCode: string;

  constructor(wireCode: string, message: string, status = 400) {
    super(status === 403 ? 'AccessDeniedException' : 'InvalidParameterValueException', message, status);
    this.wireCode = wireCode;
  }
}
