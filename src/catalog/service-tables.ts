/** Tables of the services beside Image Builder. */

/** The tables by name, as Kysely sees them. */
export interface ServiceTables {
  launch_templates: LaunchTemplateTable;
  launch_template_versions: LaunchTemplateVersionTable;
}

/** A launch template. Its tags are in `tags`, by its ARN. */
export interface LaunchTemplateTable {
  /** `lt-…` */
  id: string;
  account: string;
  region: string;
  name: string;
  created: string;
  /** ARN of the principal that created it. */
  created_by: string;
  default_version: number;
  /** Numbers of deleted versions are not reused. */
  latest_version: number;
}

/** One version. */
export interface LaunchTemplateVersionTable {
  template: string;
  version: number;
  description: string | null;
  /** JSON of the data, with times as `{"$time": …}`. */
  data: string;
  created: string;
  created_by: string;
}
