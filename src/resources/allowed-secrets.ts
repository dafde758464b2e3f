/** Which private keys, tokens and histories a recipe allows on a finished disk. */

/** Names of findings in a recipe that allows them. */
const SEARCHED_NAMES = ['private-key', 'token', 'shell-history', 'authorized-keys'] as const;
export type SearchedName = (typeof SEARCHED_NAMES)[number];

/**
 * What a recipe allows: names, each alone or with a path (`private-key:/etc/app/*.pem`), separated by spaces or commas.
 */
export interface AllowedSecret {
  readonly name: SearchedName;
  /** With `*` for any characters. */
  readonly path?: string;
}

/**
 * Reads the value of the tag.
 * @throws {Error} naming the invalid entry
 */
export function readAllowed(value: string): readonly AllowedSecret[] {
  return value
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map((word) => {
      const [name = '', ...path] = word.split(':');
      if (!(SEARCHED_NAMES as readonly string[]).includes(name))
        throw new Error(`'${name}' is not one of ${SEARCHED_NAMES.join(', ')}`);
      if (path.length > 0 && !path.join(':').startsWith('/'))
        throw new Error(`'${word}': an absolute path has to follow the colon`);
      return { name: name as SearchedName, ...(path.length === 0 ? {} : { path: path.join(':') }) };
    });
}
