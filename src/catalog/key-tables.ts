/** Tables of keys. */

/** Their tables by name, as Kysely sees them. */
export interface KeyTables {
  keys: KeyTable;
  key_aliases: KeyAliasTable;
  key_versions: KeyVersionTable;
  data_keys: DataKeyTable;
  wrapped_keys: WrappedKeyTable;
}

/** States of a key, in KMS's words. */
export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion';

/** A key that seals data keys. Its material never leaves the server. */
export interface KeyTable {
  /** `arn:aws:kms:REGION:ACCOUNT:key/UUID` */
  arn: string;
  account: string;
  region: string;
  description: string;
  state: KeyState;
  /** When it is deleted, ISO-8601; only in state `PendingDeletion`. */
  deletion_date: string | null;
  /** The newest version of its material. */
  version: number;
  created: string;
}

/** A name of a key in an account and a Region. */
interface KeyAliasTable {
  account: string;
  region: string;
  /** `alias/NAME` */
  name: string;
  key_arn: string;
}

/** Key material, sealed with the root key. Older versions open what they sealed. */
interface KeyVersionTable {
  key_arn: string;
  version: number;
  sealed: string;
  created: string;
}

/** The key of one disk. */
interface DataKeyTable {
  /** `dk-` and 17 hexadecimal digits. */
  id: string;
  /** The key that it was made under. */
  key_arn: string;
  created: string;
}

/** A data key, sealed with a key. A disk in several Regions has one for each. */
interface WrappedKeyTable {
  data_key_id: string;
  key_arn: string;
  /** Of the key's material. */
  version: number;
  sealed: string;
}
