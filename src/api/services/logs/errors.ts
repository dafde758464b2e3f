/** Errors of CloudWatch Logs. Source: CloudWatch Logs API Reference. */
import { ServiceError } from '../errors.ts';

/** A log group does not exist. */
export function groupNotFound(): ServiceError {
  return new ServiceError('ResourceNotFoundException', 'The specified log group does not exist.');
}

/** A log stream does not exist. */
export function streamNotFound(): ServiceError {
  return new ServiceError('ResourceNotFoundException', 'The specified log stream does not exist.');
}

/** A parameter has an invalid value. */
export function invalid(message: string): ServiceError {
  return new ServiceError('InvalidParameterException', message);
}

/** The resource is in use. */
export function aborted(message: string): ServiceError {
  return new ServiceError('OperationAbortedException', message);
}

/** A log group exists already. */
export function groupExists(): ServiceError {
  return new ServiceError('ResourceAlreadyExistsException', 'The specified log group already exists');
}

/** More than an account may have at once. */
export function limitExceeded(message: string): ServiceError {
  return new ServiceError('LimitExceededException', message);
}
