/** Names of resources. Source: reference, `resources.md` section 2. */

/**
 * A name as it appears in an ARN: lower case, with hyphens for spaces and underscores. Names with the same slug are the
 * same name. Runs of separators stay: AWS is not known to fold them.
 */
export function slug(name: string): string {
  return name.toLowerCase().replace(/[ _]/g, '-');
}

/** Words in names that AWS writes with special capitalization. */
const WRITTEN: Readonly<Record<string, string>> = {
  x86: 'x86',
  arm64: 'arm64',
  lts: 'LTS',
  ecs: 'ECS',
  suse: 'SUSE',
  sql: 'SQL',
  macos: 'macOS',
  centos: 'CentOS',
};

/** The name that AWS uses for a managed image: `Amazon Linux 2 x86` for `amazon-linux-2-x86`. */
export function writtenName(slug: string): string {
  return slug
    .split('-')
    .map((word) => WRITTEN[word] ?? `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join(' ');
}
