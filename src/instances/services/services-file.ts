/** What the process of an instance's services is given. */
import type { ReachedName } from '../../platform/network-rules.ts';
import type { InstanceFacts, InstanceMetadata } from './metadata.ts';

/** The file that it reads, in the instance's folder. It may hold secrets. */
export const SERVICES_FILE = 'services.json';

/** Its content. */
export interface ServicesFile {
  readonly metadata?: InstanceMetadata;
  /** Names that the instance may ask for, where it does not reach everything. */
  readonly names?: readonly ReachedName[];
  readonly facts: InstanceFacts;
  /** Where it listens, and who alone is answered: the address that the instance's traffic leaves from. */
  readonly address: string;
}

/** The descriptor that gets a byte when the services listen. */
export const READY_FD = 3;
