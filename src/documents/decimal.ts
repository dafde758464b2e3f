/** Decimal numbers of any length, for comparisons that must not round. */

interface Decimal {
  readonly digits: bigint;
  readonly decimals: number;
}

function readDecimal(text: string): Decimal | undefined {
  const found = /^([-+]?)(?:([0-9]+)[.])?([0-9]+)$/.exec(text.trim());
  if (found === null || text.length > 1000) return undefined;
  const [, sign = '', whole, rest = ''] = found;
  const digits = BigInt((whole ?? '') + rest);
  return { digits: sign === '-' ? -digits : digits, decimals: whole === undefined ? 0 : rest.length };
}

/** Whether a text is a decimal number: digits, optionally with a sign and a fraction. */
export function isDecimal(text: string): boolean {
  return readDecimal(text) !== undefined;
}

/** Compares two decimal numbers: negative, 0 or positive; `undefined` if either is not a decimal number. */
export function compareDecimals(a: string, b: string): number | undefined {
  const [left, right] = [readDecimal(a), readDecimal(b)];
  if (left === undefined || right === undefined) return undefined;
  const decimals = Math.max(left.decimals, right.decimals);
  const difference =
    left.digits * 10n ** BigInt(decimals - left.decimals) - right.digits * 10n ** BigInt(decimals - right.decimals);
  if (difference === 0n) return 0;
  return difference < 0n ? -1 : 1;
}
