/** `commandDocuments` of `config.yaml`: the folder of the command documents that `RunCommand` finds by name. Pure. */
import { isAbsolute } from 'node:path';
import { accounts, section, text } from './reading.ts';

/** Where documents are. */
export interface CommandDocuments {
  /** Absolute path. */
  readonly folder: string;
  /** Accounts whose workflows may name them; `*` is every account. */
  readonly accounts: readonly string[];
}

/** Reads the section. @param home the account when none is named */
export function readCommandDocuments(value: unknown, faults: string[], home: string): CommandDocuments | undefined {
  if (value === undefined || value === null) return undefined;
  const place = 'commandDocuments';
  const given = section(value, place, ['folder', 'accounts'], faults);
  const folder = text(given['folder'], `${place}.folder`, faults, true) ?? '';
  if (folder !== '' && !isAbsolute(folder)) faults.push(`${place}.folder: must be the absolute path of a folder`);
  return { folder, accounts: accounts(given['accounts'], `${place}.accounts`, faults, home) };
}
