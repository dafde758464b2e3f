/**
 * Pages of lists. A `nextToken` contains the position in the list's order after which the next page begins (the key of
 * the last item), so that items created or deleted meanwhile shift nothing. It is signed with a key of the data
 * directory, together with the operation, the caller and the other parameters. With other parameters, or if it is
 * forged, it is rejected.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { invalidPaginationToken } from '../resources/errors.ts';
import type { RequestContext } from './context.ts';

/** Largest page, and the default. */
export const PAGE_SIZE = 25;

/** Position of an item in a list's order: the values that the list is sorted by, the last of them unique. */
export type Position = readonly (string | number)[];

/** The paging members of a list's input. */
export interface PageInput {
  readonly maxResults?: number | undefined;
  readonly nextToken?: string | undefined;
}

/** One page of a list. */
export interface Page {
  /** Number of items on the page. Query one more to learn whether another page follows. */
  readonly limit: number;
  /** The page begins after this position; absent on the first page. */
  readonly after?: Position;
  /**
   * Cuts the found items to the page.
   * @param found up to `limit + 1` items in the list's order, all after `after`
   * @param position the position of an item
   */
  cut<T>(found: readonly T[], position: (item: T) => Position): { readonly items: T[]; readonly nextToken?: string };
}

/**
 * Opens the page that a list's input asks for.
 * @param shape types of a position's values, in order; tokens with other types are rejected
 * @param size items on the page
 * @throws {ApiError} InvalidPaginationTokenException
 */
export function openPage(
  input: PageInput,
  context: PageContext,
  shape: readonly ('string' | 'number')[],
  size = Math.min(input.maxResults ?? PAGE_SIZE, PAGE_SIZE),
): Page {
  const seal = sealOf(input, context);
  const limit = size;
  return {
    limit,
    ...(input.nextToken === undefined ? {} : { after: readToken(input.nextToken, seal, shape) }),
    cut(found, position) {
      const items = found.slice(0, limit);
      if (found.length <= limit) return { items };
      return { items, nextToken: writeToken(position(items.at(-1)!), seal) };
    },
  };
}

/** What a token is bound to, and the key that signs it. */
type PageContext = Pick<RequestContext, 'account' | 'region' | 'services'> & { readonly operation: string };

/** Signs the JSON of a position. */
type Seal = (position: string) => Buffer;

const SIGNATURE_BYTES = 16;

function sealOf(input: PageInput, { operation, account, region, services }: PageContext): Seal {
  const { nextToken: _, maxResults: __, ...others } = input;
  return (position) =>
    createHmac('sha256', services.catalog.pageTokenKey)
      .update(JSON.stringify([operation, account, region, canonical(others), position]))
      .digest()
      .subarray(0, SIGNATURE_BYTES);
}

function writeToken(position: Position, seal: Seal): string {
  const text = JSON.stringify(position);
  return Buffer.concat([seal(text), Buffer.from(text)]).toString('base64url');
}

function readToken(token: string, seal: Seal, shape: readonly ('string' | 'number')[]): Position {
  const bytes = Buffer.from(token, 'base64url');
  const text = bytes.subarray(SIGNATURE_BYTES).toString('utf8');
  // Decoding ignores characters that are not base64, so several texts would be the same token.
  if (
    bytes.length <= SIGNATURE_BYTES ||
    bytes.toString('base64url') !== token ||
    !timingSafeEqual(bytes.subarray(0, SIGNATURE_BYTES), seal(text))
  )
    throw invalidPaginationToken();
  const position = JSON.parse(text) as Position;
  // An older version may have ordered the list differently.
  if (position.length !== shape.length || position.some((value, index) => typeof value !== shape[index]))
    throw invalidPaginationToken();
  return position;
}

/** A copy with sorted object members, so that equal values have equal JSON. */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, member]) => [key, canonical(member)]),
  );
}
