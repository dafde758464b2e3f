/**
 * Templates of messages: `{{ detail.state.status }}`, `{{ resources.0 }}`, `{{ image.name }}`. A path points into the
 * event, or into one of `image`, `event`, `title`, `text`. `{{ json PATH }}` is the value as JSON. Absent values become
 * empty.
 */

const REFERENCE = /\{\{\s*(json\s+)?([A-Za-z0-9_.-]+)\s*\}\}/g;

/** Maximum characters of the result. The limits of receivers are lower. */
const LONGEST = 256 * 1024;

/** The fault of a template, or `undefined`. */
export function templateFault(template: string): string | undefined {
  const [open] = /\{\{(?!\s*(?:json\s+)?[A-Za-z0-9_.-]+\s*\}\}).{0,40}/s.exec(template) ?? [];
  return open === undefined ? undefined : `'${open}' is not a reference such as {{ detail.state.status }}`;
}

/** Fills in a template. @param scope the event's members, and the other names that a path can begin with */
export function fillTemplate(template: string, scope: Readonly<Record<string, unknown>>): string {
  const text = template.replace(REFERENCE, (_whole, json: string | undefined, path: string) => {
    const value = valueAt(scope, path);
    if (json !== undefined) return JSON.stringify(value ?? null);
    if (value === undefined || value === null) return '';
    return typeof value === 'object' ? JSON.stringify(value) : String(value as string);
  });
  return text.slice(0, LONGEST);
}

function valueAt(scope: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, name)
          ? (value as Readonly<Record<string, unknown>>)[name]
          : undefined,
      scope,
    );
}
