/** The input of the process of an instance's services. */
import type { ReachedName } from '../../platform/network-rules.ts';
import type { InstanceFacts, InstanceMetadata } from './metadata.ts';

/** The input file in the instance's directory. It may contain secrets. */
export const SERVICES_FILE = 'services.json';

/** Its content. */
export interface ServicesFile {
  readonly metadata?: InstanceMetadata;
  /** Names that the instance may resolve, if its network is restricted. */
  readonly names?: readonly ReachedName[];
  readonly facts: InstanceFacts;
  /** The address where it listens, and its only client: the address that the instance's traffic leaves from. */
  readonly address: string;
}

/** The descriptor that gets a byte when the services listen. */
export const READY_FD = 3;
