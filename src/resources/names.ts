/** Names of resources. Source: reference, `resources.md` section 2. */

/**
 * A name as it stands in an ARN: lower case, blanks and underscores as hyphens. Names with the same slug are the same
 * name. Runs of separators stay as they are: nothing is known to fold them.
 */
export function slug(name: string): string {
  return name.toLowerCase().replace(/[ _]/g, '-');
}
