/** Maintenance windows in which no pipeline starts automatically, from `config.yaml`. */
import { ConfigError } from '../platform/config/config.ts';
import { list, map, section, text } from '../platform/config/reading.ts';
import { durationSeconds } from '../resources/durations.ts';
import { explainFault, readSchedule, type Schedule } from './schedule/schedule.ts';

/** A recurring window. */
export interface MaintenanceWindow {
  readonly name: string;
  /** The window holds pipelines with all of these tags; without tags, every pipeline. */
  readonly tags: Readonly<Record<string, string>>;
  readonly begins: Schedule;
  /** Duration in milliseconds. */
  readonly lasts: number;
}

/**
 * Reads the `maintenance` section.
 * @throws {ConfigError} with every fault
 */
export function readMaintenance(given: unknown): readonly MaintenanceWindow[] {
  const faults: string[] = [];
  const windows = list(given, 'maintenance', faults).map((item, index) => {
    const place = `maintenance[${index}]`;
    const entry = section(item, place, ['name', 'tags', 'begins', 'lasts', 'timezone'], faults);
    const expression = text(entry['begins'], `${place}.begins`, faults, true) ?? 'rate(1 day)';
    const timezone = text(entry['timezone'], `${place}.timezone`, faults);
    const lasts = text(entry['lasts'], `${place}.lasts`, faults, true);
    const seconds = lasts === undefined ? undefined : durationSeconds(lasts);
    if (lasts !== undefined && seconds === undefined)
      faults.push(`${place}.lasts: '${lasts}' is not a duration, such as 90m or 8h`);
    const tags = Object.fromEntries(
      Object.entries(map(entry['tags'], `${place}.tags`, faults)).map(([key, value]) => [key, String(value)]),
    );
    return {
      name: text(entry['name'], `${place}.name`, faults) ?? `maintenance ${index + 1}`,
      tags,
      begins: beginsOf(expression, timezone, place, faults),
      lasts: (seconds ?? 0) * 1000,
    };
  });
  if (faults.length > 0) throw new ConfigError(faults.map((fault) => `config.yaml: ${fault}`).join('\n'));
  return windows;
}

function beginsOf(expression: string, timezone: string | undefined, place: string, faults: string[]): Schedule {
  try {
    const fault = expression.startsWith('rate(')
      ? 'it must be cron(…): a rate has no beginning'
      : explainFault({ expression, timezone }, 0);
    if (fault === undefined) return readSchedule({ expression, timezone });
    faults.push(`${place}.begins: ${fault}`);
  } catch (error) {
    faults.push(`${place}.timezone: ${(error as Error).message}`);
  }
  return readSchedule({ expression: 'rate(1 day)' });
}

/**
 * The window that holds a pipeline now, and its end in milliseconds since 1970. Of several windows, the one with the
 * latest end.
 */
export function windowNow(
  windows: readonly MaintenanceWindow[],
  tags: Readonly<Record<string, string>>,
  now: number,
): { readonly name: string; readonly ends: number } | undefined {
  let found: { readonly name: string; readonly ends: number } | undefined;
  for (const { name, tags: wanted, begins, lasts } of windows) {
    if (!Object.entries(wanted).every(([key, value]) => tags[key] === value)) continue;
    // Occurrences that overlap count as one: the last one that has begun has the latest end.
    for (let began = begins.next(now - lasts); began !== undefined && began <= now; began = begins.next(began))
      if (found === undefined || began + lasts > found.ends) found = { name, ends: began + lasts };
  }
  return found;
}
