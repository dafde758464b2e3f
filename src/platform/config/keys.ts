/** `keys` of `config.yaml`: where the root key comes from. Pure. */
import { section, text } from './reading.ts';

/** The source of the root key: a file, a credential of systemd, or a passphrase in a file. */
export interface KeySettings {
  readonly rootKey:
    | { readonly kind: 'file' /** Absolute; absent: `root.key` in the data directory. */; readonly path?: string }
    | { readonly kind: 'credential'; readonly name: string }
    | { readonly kind: 'passphrase' /** Absolute. */; readonly path: string };
}

/** Where nothing is configured. */
export const DEFAULT_KEYS: KeySettings = { rootKey: { kind: 'file' } };

/** Reads the section. */
export function readKeys(value: unknown, faults: string[]): KeySettings {
  const given = section(value, 'keys', ['rootKey'], faults);
  const place = 'keys.rootKey';
  const root = section(given['rootKey'], place, ['file', 'credential', 'passphraseFile'], faults);
  const named = Object.keys(root);
  if (named.length > 1) faults.push(`${place}: has ${named.join(' and ')}; give one of them`);
  const file = text(root['file'], `${place}.file`, faults);
  const credential = text(root['credential'], `${place}.credential`, faults);
  const passphrase = text(root['passphraseFile'], `${place}.passphraseFile`, faults);
  if (file !== undefined && !file.startsWith('/')) faults.push(`${place}.file: must be an absolute path`);
  if (passphrase !== undefined && !passphrase.startsWith('/'))
    faults.push(`${place}.passphraseFile: must be an absolute path`);
  if (credential !== undefined && !/^[\w.-]{1,255}$/.test(credential))
    faults.push(`${place}.credential: '${credential}' is not the name of a credential`);
  if (credential !== undefined) return { rootKey: { kind: 'credential', name: credential } };
  if (passphrase !== undefined) return { rootKey: { kind: 'passphrase', path: passphrase } };
  return { rootKey: { kind: 'file', ...(file === undefined ? {} : { path: file }) } };
}
