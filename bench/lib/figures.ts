/** Figures of several runs: medians, tables. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How long a part took, in seconds. Parts of one run have names of their own. */
export interface Span {
  readonly name: string;
  readonly seconds: number;
}

/** The middle value; of an even number the mean of the two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A row for each name that the runs have, in the order of the first run: median, least and greatest. */
export function spanTable(runs: readonly (readonly Span[])[]): string {
  const names = [...new Set(runs.flatMap((spans) => spans.map(({ name }) => name)))];
  return table([
    ['', 'median', 'least', 'greatest'],
    ...names.map((name) => {
      const values = runs.flatMap((spans) => spans.filter((span) => span.name === name).map(({ seconds }) => seconds));
      return [name, ...[median(values), Math.min(...values), Math.max(...values)].map(seconds)];
    }),
  ]);
}

/** The median of one part; `undefined` when no run has it. */
export function medianOf(runs: readonly (readonly Span[])[], name: string): number | undefined {
  const values = runs.flatMap((spans) => spans.filter((span) => span.name === name).map((span) => span.seconds));
  return values.length === 0 ? undefined : median(values);
}

/** `12.34 s` */
export function seconds(value: number): string {
  return `${value.toFixed(2)} s`;
}

/** Columns as wide as they have to be; the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Writes what a bench found into `bench/results/` (or where `file` says). Returns the path. */
export async function writeResults(bench: string, results: object, file?: string): Promise<string> {
  const path =
    file ??
    join(
      fileURLToPath(new URL('../results/', import.meta.url)),
      `${bench}-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.json`,
    );
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(results, null, 2)}\n`);
  return path;
}
