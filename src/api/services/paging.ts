/** Pages of the services' lists: tokens are those of Image Builder, page sizes are set by each operation. */
import { invalidParameterValue } from '../../resources/errors.ts';
import { openPage, type Position } from '../paging.ts';
import type { ServiceContext } from './service.ts';

/** The paging members of an input. */
interface PageInput {
  readonly MaxResults?: number | undefined;
  readonly NextToken?: string | undefined;
}

/** One page of a list that is in memory as a whole. */
export interface WholePage {
  /**
   * The items of the page.
   * @param items the whole list, in order
   * @param position the position of an item in that order
   */
  cutAll<T>(items: readonly T[], position: (item: T) => Position): { readonly items: T[]; readonly nextToken?: string };
}

/**
 * The page that an input asks for.
 * @param how.most largest page
 * @param how.least smallest page (default: 1)
 * @param how.usual page size if the input has none (default: `most`; `Infinity` for everything at once)
 * @param how.shape types of a position's values
 * @throws {ApiError} for a page size out of range, or a token that belongs to another list
 */
export function pageOf<Input extends PageInput>(
  input: Input,
  context: ServiceContext,
  how: {
    readonly most: number;
    readonly least?: number;
    readonly usual?: number;
    readonly shape: readonly ('string' | 'number')[];
  },
): WholePage {
  const { MaxResults, NextToken, ...others } = input;
  const { most, least = 1, usual = most, shape } = how;
  if (MaxResults !== undefined && (!Number.isInteger(MaxResults) || MaxResults < least || MaxResults > most))
    throw invalidParameterValue('MaxResults', `It must be a whole number from ${least} to ${most}.`);
  const page = openPage({ ...others, nextToken: NextToken }, context, shape, MaxResults ?? usual);
  return {
    cutAll(items, position) {
      const { after } = page;
      const begin = after === undefined ? 0 : items.findIndex((item) => isAfter(position(item), after));
      const rest = begin < 0 ? [] : items.slice(begin);
      return page.cut(rest, position);
    },
  };
}

/** Whether a position comes after another in ascending order. */
function isAfter(position: Position, other: Position): boolean {
  for (const [index, value] of position.entries()) {
    const before = other[index]!;
    if (value !== before) return value > before;
  }
  return false;
}
