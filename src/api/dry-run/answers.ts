/** The answers of a dry run. */
import type { ValueFault } from '../../resources/errors.ts';
import type { Structure } from '../codec.ts';

/** A reason why a request is rejected. */
export interface DryRunFault {
  readonly code: string;
  readonly message: string;
  /** The path in the input, such as `components[0].componentArn`, if it is known. */
  readonly path?: string;
  readonly reason?: ValueFault['reason'];
}

/** What one create would do. */
export interface DryRunAnswer {
  readonly id: string;
  readonly action: 'create' | 'update' | 'replace' | 'unchanged' | 'refused';
  /**
   * The existing or new resource. A rejected one has an ARN if all its faults could be replaced by valid values, so
   * that the rest of the list could be checked.
   */
  readonly resource?: {
    readonly arn: string;
    readonly name?: string;
    readonly version?: string;
    readonly type?: string;
    /** Of a repository. */
    readonly uri?: string;
  };
  /** Members that an update or a new version changes; may include `tags`. */
  readonly changes?: readonly string[];
  /** The current values of those members. */
  readonly before?: Structure;
  /** ARN of the resource that the new version or build replaces. */
  readonly replaces?: string;
  readonly faults?: readonly DryRunFault[];
}
