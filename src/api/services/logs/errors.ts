/** Errors of CloudWatch Logs. Source: CloudWatch Logs API Reference. */
import { ServiceError } from '../errors.ts';

/** A group that is not there. */
export function groupNotFound(): ServiceError {
  return new ServiceError('ResourceNotFoundException', 'The specified log group does not exist.');
}

/** A stream that is not there. */
export function streamNotFound(): ServiceError {
  return new ServiceError('ResourceNotFoundException', 'The specified log stream does not exist.');
}

/** A member that is wrong. */
export function invalid(message: string): ServiceError {
  return new ServiceError('InvalidParameterException', message);
}

/** What is in use. */
export function aborted(message: string): ServiceError {
  return new ServiceError('OperationAbortedException', message);
}

/** A group that is there. */
export function groupExists(): ServiceError {
  return new ServiceError('ResourceAlreadyExistsException', 'The specified log group already exists');
}
