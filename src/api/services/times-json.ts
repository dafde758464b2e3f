/** JSON that distinguishes times from texts, for stored inputs and responses. */

/** A value as JSON, in which a time is `{"$time": milliseconds}`. */
export function writeTimes(value: object): string {
  // A date's `toJSON` runs before the replacer sees the value, so the replacer reads it from the object that holds it.
  return JSON.stringify(value, function (this: Record<string, unknown>, key, written: unknown) {
    const given = this[key];
    return given instanceof Date ? { $time: given.getTime() } : written;
  });
}

/** Parses what `writeTimes` wrote. */
export function readTimes(text: string): object {
  return JSON.parse(text, (_key, value: unknown) => {
    const time = (value as { readonly $time?: unknown } | null | undefined)?.$time;
    return typeof time === 'number' ? new Date(time) : value;
  }) as object;
}
