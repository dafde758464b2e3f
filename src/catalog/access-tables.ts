/** Tables of principals and their permissions. */

/** Their tables by name, as Kysely sees them. */
export interface AccessTables {
  principals: PrincipalTable;
  principal_policies: PrincipalPolicyTable;
  access_keys: AccessKeyTable;
}

/** Users and roles. */
interface PrincipalTable {
  arn: string;
  account: string;
  type: string;
  name: string;
  /** `AIDA…` or `AROA…` */
  id: string;
  /** JSON; roles only. */
  trust_policy: string | null;
  max_session_seconds: number | null;
  /** JSON. */
  tags: string;
  date_created: string;
}

interface PrincipalPolicyTable {
  /** ARN. */
  principal: string;
  name: string;
  /** JSON. */
  document: string;
}

interface AccessKeyTable {
  id: string;
  /** ARN of the user. */
  principal: string;
  /** Sealed with the key file of the data directory. */
  secret: string;
  status: string;
  date_created: string;
}
