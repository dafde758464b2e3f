/** JSON that tells times from texts: what is kept of inputs and answers. */

/** A value as JSON, in which a time is `{"$time": milliseconds}`. */
export function writeTimes(value: object): string {
  // `toJSON` of a date runs before a replacer sees it, so the replacer looks at what holds it.
  return JSON.stringify(value, function (this: Record<string, unknown>, key, written: unknown) {
    const given = this[key];
    return given instanceof Date ? { $time: given.getTime() } : written;
  });
}

/** The value that `writeTimes` wrote. */
export function readTimes(text: string): object {
  return JSON.parse(text, (_key, value: unknown) => {
    const time = (value as { readonly $time?: unknown } | null | undefined)?.$time;
    return typeof time === 'number' ? new Date(time) : value;
  }) as object;
}
