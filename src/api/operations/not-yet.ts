/**
 * The operations that this version does not implement. They are listed only here, and all return the same error. To
 * implement one, remove its name: the register does not compile while an operation is in neither place, and a test
 * fails while it is in both.
 */
import { operationNotSupported } from '../../resources/errors.ts';
import type { Handler } from '../context.ts';
import type { OperationName } from '../model.ts';

/** Their names. */
export const NOT_YET = [] as const satisfies readonly OperationName[];

type NotYet = (typeof NOT_YET)[number];

/** Handlers that return the error. */
export const notYetOperations = Object.fromEntries(
  NOT_YET.map((name) => [
    name,
    async (): Promise<never> => {
      throw operationNotSupported(name);
    },
  ]),
) as unknown as { readonly [O in NotYet]: Handler<O> };
