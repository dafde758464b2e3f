/** Names of Regions. Each is the name of a folder too, so that the rule is the same wherever one is given. */

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const LONGEST_NAME = 64;

/** What a name of a Region looks like, for messages. */
const REGION_RULE = `lower-case letters, digits and single hyphens, at most ${LONGEST_NAME}, such as us-east-1 or lab`;

/** Whether a text names a Region: one of AWS, or one of the user's own. */
export function isRegion(text: string): boolean {
  return text.length <= LONGEST_NAME && NAME.test(text);
}

/** What is wrong with a name of a Region, in words; `undefined` when nothing is. */
export function regionFault(text: string): string | undefined {
  return isRegion(text) ? undefined : `invalid Region name '${text}': expected ${REGION_RULE}`;
}
