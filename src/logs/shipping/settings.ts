/** The `logs` section of `config.yaml`: where logs are shipped to. */
import { isAbsolute } from 'node:path';
import { ConfigError, type Config } from '../../platform/config/config.ts';
import { map, section, text } from '../../platform/config/reading.ts';
import { DESTINATIONS } from './destinations.ts';
import type { Destination } from './destination.ts';

/** Reads the section. @throws {ConfigError} with every fault */
export function readShipping({ logs }: Pick<Config, 'logs'>): ReadonlyMap<string, Destination> {
  const faults: string[] = [];
  const root = section(logs, 'logs', ['ship'], faults);
  const destinations = new Map<string, Destination>();
  for (const [name, value] of Object.entries(map(root['ship'], 'logs.ship', faults))) {
    const place = `logs.ship.${name}`;
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name))
      faults.push(`${place}: a name has 1 to 64 letters, digits, '-' and '_'`);
    const given = map(value, place, faults);
    const type = text(given['type'], `${place}.type`, faults, true);
    if (type === undefined) continue;
    const entry = Object.hasOwn(DESTINATIONS, type) ? DESTINATIONS[type] : undefined;
    if (entry === undefined) {
      faults.push(`${place}.type: unknown type '${type}'; expected one of ${Object.keys(DESTINATIONS).join(', ')}`);
      continue;
    }
    const settings = section(given, place, ['type', ...entry.settings], faults);
    const read = (member: string, required = false): string | undefined =>
      text(settings[member], `${place}.${member}`, faults, required);
    const fault = (member: string, message: string): void => void faults.push(`${place}.${member}: ${message}`);
    const destination = entry.open({ read, fault, isAbsolute });
    if (destination !== undefined) destinations.set(name, destination);
  }
  if (faults.length > 0) throw new ConfigError(faults.map((each) => `config.yaml: ${each}`).join('\n'));
  return destinations;
}
