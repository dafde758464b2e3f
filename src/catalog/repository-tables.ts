/** Tables of repositories of container images. The registry has the content; these say what is in it. */

/** By name, as Kysely sees them. */
export interface RepositoryTables {
  repositories: RepositoryTable;
  repository_images: RepositoryImageTable;
  repository_tags: RepositoryTagTable;
}

/** A repository. Its tags are in `tags`, by its ARN. */
export interface RepositoryTable {
  /** The repository's name within the registry. A repository that is created again is another one. */
  id: string;
  account: string;
  region: string;
  name: string;
  created: string;
  /** `MUTABLE`, `IMMUTABLE`, or one of them with exclusions. */
  tag_mutability: string;
  /** JSON of the SDK's `ImageTagMutabilityExclusionFilter[]`. */
  mutability_exclusions: string | null;
  scan_on_push: number;
  /** Who may use it: JSON as given. */
  policy: string | null;
  /** JSON as given. */
  lifecycle_policy: string | null;
  /** When the lifecycle policy was last carried out. */
  lifecycle_evaluated: string | null;
  /** When it is carried out next; `null` without one. */
  lifecycle_due: string | null;
}

/** A manifest: an image, or an index of images. */
export interface RepositoryImageTable {
  repository: string;
  digest: string;
  media_type: string;
  artifact_type: string | null;
  /** Bytes of its layers; of an index the largest of its images. */
  size: number;
  /** JSON of the digests that an index names. */
  children: string;
  pushed: string;
  pulled: string | null;
}

/** A tag of an image. */
interface RepositoryTagTable {
  repository: string;
  tag: string;
  digest: string;
}
