/**
 * Pages of lists. A `nextToken` says after which position of the list's order the next page begins (its last item's key), so that what is
 * made or deleted in between shifts nothing. It is bound to the operation, the caller and the other parameters: with others it is refused.
 */
import { createHash } from 'node:crypto';
import { invalidPaginationToken } from '../resources/errors.ts';
import type { OperationContext } from './context.ts';

/** Largest page, and the page when none is asked for. */
export const PAGE_SIZE = 25;

/** Where an item stands in a list's order: the values the list is ordered by, the last of them unique. */
export type Position = readonly (string | number)[];

/** The paging members of a list's input. */
export interface PageInput {
  readonly maxResults?: number | undefined;
  readonly nextToken?: string | undefined;
}

/** One page of a list. */
export interface Page {
  /** Items on the page. Ask for one more: it tells whether another page follows. */
  readonly limit: number;
  /** The page begins after this position; absent on the first page. */
  readonly after?: Position;
  /**
   * Cuts what was found to the page.
   * @param found up to `limit + 1` items in the list's order, all after `after`
   * @param position the position of an item
   */
  cut<T>(found: readonly T[], position: (item: T) => Position): { readonly items: T[]; readonly nextToken?: string };
}

/**
 * Opens the page that a list's input asks for.
 * @param shape types of a position's values, in order: a token whose position has others is refused
 * @throws {ApiError} InvalidPaginationTokenException
 */
export function openPage(input: PageInput, context: OperationContext, shape: readonly ('string' | 'number')[]): Page {
  const binding = bindingOf(input, context);
  const limit = Math.min(input.maxResults ?? PAGE_SIZE, PAGE_SIZE);
  return {
    limit,
    ...(input.nextToken === undefined ? {} : { after: readToken(input.nextToken, binding, shape) }),
    cut(found, position) {
      const items = found.slice(0, limit);
      if (found.length <= limit) return { items };
      return { items, nextToken: writeToken(position(items.at(-1)!), binding) };
    },
  };
}

function bindingOf(input: PageInput, { operation, account, region }: OperationContext): string {
  const { nextToken: _, maxResults: __, ...others } = input;
  return createHash('sha256').update(JSON.stringify([operation, account, region, canonical(others)])).digest('base64url').slice(0, 16);
}

function writeToken(position: Position, binding: string): string {
  return Buffer.from(JSON.stringify([1, binding, ...position])).toString('base64url');
}

function readToken(token: string, binding: string, shape: readonly ('string' | 'number')[]): Position {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  } catch {
    throw invalidPaginationToken();
  }
  if (!Array.isArray(parts) || parts[0] !== 1 || parts[1] !== binding) throw invalidPaginationToken();
  const position = parts.slice(2) as unknown[];
  if (position.length !== shape.length || position.some((value, index) => typeof value !== shape[index])) throw invalidPaginationToken();
  return position as Position;
}

/** A value with the members of all objects in one order, so that equal values have equal JSON. */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([key, member]) => [key, canonical(member)]),
  );
}
