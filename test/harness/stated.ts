/**
 * A value without the members that are `undefined`, at any depth of plain objects and lists: to compare what a reader
 * takes from it, to whom an absent member and an undefined one are the same.
 */
export function stated<T>(value: T): T {
  if (Array.isArray(value)) return value.map(stated) as T;
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name, stated(member)])) as T;
}
