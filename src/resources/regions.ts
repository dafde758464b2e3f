/** Names of Regions. Each is also the name of a directory, so the same rule applies everywhere. */

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const LONGEST_NAME = 64;

/** The form of a Region's name, for messages. */
const REGION_RULE = `lower-case letters, digits and single hyphens, at most ${LONGEST_NAME}, such as us-east-1 or lab`;

/** Whether a text is the name of a Region: one of AWS's, or a custom one. */
export function isRegion(text: string): boolean {
  return text.length <= LONGEST_NAME && NAME.test(text);
}

/** What is wrong with a Region's name; `undefined` for a valid one. */
export function regionFault(text: string): string | undefined {
  return isRegion(text) ? undefined : `invalid Region name '${text}': expected ${REGION_RULE}`;
}
